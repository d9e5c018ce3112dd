"""Re-openings of closed periods."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests


class Reopenings:
    """Operations on re-openings."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def reopen(self, period: str, currency: str, reason: str) -> Document:
        """Open a closed period again: its postings are reversed, its statements count no more."""
        given = {"period": period, "currency": currency, "reason": reason}
        return await self._requests.post("/v1/reopenings", given)

    def list(self) -> AsyncIterator[Document]:
        """List re-openings, newest first."""
        return self._requests.pages("/v1/reopenings")
