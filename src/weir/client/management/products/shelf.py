"""The shelf: every published product, listed and searched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from weir.client.management.requests import Document, Requests


class Shelf:
    """Operations on the shelf."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self, direction: str | None = None) -> AsyncIterator[Document]:
        """List the whole shelf, of every owner; `direction` is go-out or bring-in."""
        return self._requests.pages("/v1/shelf", direction=direction)

    async def search(
        self,
        words: str = "",
        *,
        page: int = 1,
        direction: str | None = None,
        **facets: Sequence[str],
    ) -> Document:
        """Find products by words, English or Chinese.

        `facets` are kind, owner, grade, price and scene, each narrowing to any of its values.
        """
        return await self._requests.get(
            "/v1/shelf/search", q=words, page=str(page), direction=direction, **facets
        )
