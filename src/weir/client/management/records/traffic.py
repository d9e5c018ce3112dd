"""Traffic: calls by any of their dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from weir.client.management.requests import Document, Requests


class Traffic:
    """Operations on traffic."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def count(
        self, by: Sequence[str], only: Sequence[str] = (), **days: str | None
    ) -> list[Document]:
        """Count calls by dimensions; `only` has `name=value`, `days` are `since` and `until`."""
        query = [("by", each) for each in by] + [("only", each) for each in only]
        query += [(name, value) for name, value in days.items() if value is not None]
        found = await self._requests.get(f"/v1/records/traffic?{urlencode(query)}")
        return list(found["items"])
