"""Traffic: calls by any of their dimensions."""

from __future__ import annotations

from collections.abc import Sequence

from weir.client.management.requests import Document, Requests


class Traffic:
    """Operations on traffic."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def count(
        self, by: Sequence[str], only: Sequence[str] = (), **days: str | None
    ) -> list[Document]:
        """Count calls by dimensions; `only` has `name=value`, `days` are `since` and `until`."""
        found = await self._requests.get("/v1/records/traffic", by=by, only=only, **days)
        return list(found["items"])
