"""The audit trail, and the verification of its chains."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests


class Audit:
    """Operations on the audit trail."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def entries(self, **wanted: str | None) -> AsyncIterator[Document]:
        """List audit entries, newest first: by organisation, event, touching, since and until."""
        return self._requests.pages("/v1/audit/entries", **wanted)

    async def verify(self) -> Document:
        """Verify every audit chain: `intact`, or the places that do not hold."""
        return await self._requests.get("/v1/audit/verification")
