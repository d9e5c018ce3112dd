"""Signature algorithms of clients, and the date until which each is accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Algorithms:
    """Operations on algorithms. Times are RFC 3339 texts with their zone."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def endings(self) -> AsyncIterator[Document]:
        """List algorithms of clients' signatures that are accepted until a date."""
        return self._requests.pages("/v1/algorithm-endings")

    async def end(self, algorithm: str, ends_at: str) -> Document:
        """Announce that an algorithm is accepted until `ends_at` and no longer."""
        path = f"/v1/algorithm-endings/{quote_segment(algorithm)}"
        return await self._requests.put(path, {"ends_at": ends_at})

    async def take_back(self, algorithm: str) -> Document:
        """Take the announcement back."""
        return await self._requests.post(
            f"/v1/algorithm-endings/{quote_segment(algorithm)}/take-back"
        )
