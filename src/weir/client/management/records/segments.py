"""Segments of call records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from weir.client.management.requests import Requests, quote_segment


class Segments:
    """Operations on segments."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def get(self, stream: str, segment: int) -> bytes:
        """Get the lines of one segment, for the operator and auditors."""
        path = f"/v1/records/segments/{quote_segment(stream)}/{segment}"
        return (await self._requests.fetch(path)).content

    def pruned(self, stream: str, segment: int) -> AsyncIterator[list[Any]]:
        """List the subtrees of a segment that stand for expired records: level, position, hash."""
        return self._requests.pages(
            f"/v1/records/segments/{quote_segment(stream)}/{segment}/pruned"
        )
