"""Credits: part of a statement line given back."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Credits:
    """Operations on credits. Amounts are whole minor units."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def grant(self, statement: str, line: int, amount_minor: int, reason: str) -> Document:
        """Give back part of a line one was paid for."""
        given = {"line": line, "amount_minor": amount_minor, "reason": reason}
        return await self._requests.post(
            f"/v1/statements/{quote_segment(statement)}/credits", given
        )

    def list(self) -> AsyncIterator[Document]:
        """List credits that concern one's own organisation, newest first; for the operator, all."""
        return self._requests.pages("/v1/credits")
