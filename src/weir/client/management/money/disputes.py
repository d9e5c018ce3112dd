"""Disputes of lines of statements."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quoted


class Disputes:
    """Operations on disputes. Amounts are whole minor units."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def open(self, statement: str, line: int, reason: str, evidence: str = "") -> Document:
        """Say that a line of a statement (counted from 1) is wrong; it is held until decided."""
        given = {"line": line, "reason": reason, "evidence": evidence}
        return await self._requests.post(f"/v1/statements/{quoted(statement)}/disputes", given)

    def list(self, status: str | None = None) -> AsyncIterator[Document]:
        """One's own; every one for the operator; those of one status, if that is named."""
        return self._requests.pages("/v1/disputes", status=status)

    async def resolve(self, dispute: str, resolution: str, amount_minor: int) -> Document:
        """Give back `amount_minor`, or with 0 reject it."""
        given = {"resolution": resolution, "amount_minor": amount_minor}
        return await self._requests.post(f"/v1/disputes/{quoted(dispute)}/resolve", given)
