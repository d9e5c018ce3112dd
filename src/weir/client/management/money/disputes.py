"""Disputes about lines of statements."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Disputes:
    """Operations on disputes. Amounts are whole minor units."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def open(self, statement: str, line: int, reason: str, evidence: str = "") -> Document:
        """Dispute a line of a statement (counted from 1); it is held until decided."""
        given = {"line": line, "reason": reason, "evidence": evidence}
        return await self._requests.post(
            f"/v1/statements/{quote_segment(statement)}/disputes", given
        )

    def list(self, status: str | None = None) -> AsyncIterator[Document]:
        """List one's own disputes, of one `status` if it is given; for the operator, all."""
        return self._requests.pages("/v1/disputes", status=status)

    async def resolve(self, dispute: str, resolution: str, amount_minor: int) -> Document:
        """Decide a dispute: give back `amount_minor`, or reject it with 0."""
        given = {"resolution": resolution, "amount_minor": amount_minor}
        return await self._requests.post(f"/v1/disputes/{quote_segment(dispute)}/resolve", given)
