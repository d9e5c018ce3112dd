"""Statements: amounts that a party owes or is owed for a period."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Statements:
    """Operations on one's own statements."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self) -> AsyncIterator[Document]:
        """List one's own statements, newest first."""
        return self._requests.pages("/v1/statements")

    async def get(self, statement: str) -> Document:
        """Get the whole statement, as anyone with the records can recompute it."""
        return await self._requests.whole(f"/v1/statements/{quote_segment(statement)}")

    async def csv(self, statement: str) -> str:
        """Get the statement as CSV: a row a party's share, amounts in major units."""
        return (
            await self._requests.fetch(f"/v1/statements/{quote_segment(statement)}/csv")
        ).content.decode()

    def calls(self, statement: str, line: int) -> AsyncIterator[Document]:
        """List the calls that a line (counted from 1) was made of."""
        return self._requests.pages(f"/v1/statements/{quote_segment(statement)}/lines/{line}/calls")
