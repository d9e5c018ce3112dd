"""Capabilities: the operations that an institution can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from weir.client.management.requests import Document, Requests, quote_segment


class Capabilities:
    """Operations on capabilities."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self, document: str) -> AsyncIterator[Document]:
        """List a document's capabilities."""
        return self._requests.pages(f"/v1/documents/{quote_segment(document)}/capabilities")

    async def get(self, capability: str) -> Document:
        """Get one capability."""
        return await self._requests.get(f"/v1/capabilities/{quote_segment(capability)}")

    async def declare(
        self,
        capability: str,
        *,
        consent_type: str | None = None,
        permission: str | None = None,
        moves_money: bool = False,
        bindings: Mapping[str, str] | None = None,
    ) -> Document:
        """Declare the consent a capability needs, and where a call carries the values it binds."""
        given = {
            "consent_type": consent_type,
            "permission": permission,
            "moves_money": moves_money,
            "bindings": None if bindings is None else dict(bindings),
        }
        return await self._requests.put(
            f"/v1/capabilities/{quote_segment(capability)}/declaration", given
        )
