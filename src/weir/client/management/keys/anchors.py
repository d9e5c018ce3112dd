"""Trust anchors: issuers of software statements that are believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from weir.client.management.requests import Document, Requests


class Anchors:
    """Operations on trust anchors."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def register(self, issuer: str, name: str, jwks: dict[str, Any]) -> Document:
        """Believe an issuer of software statements (RFC 7591), or replace its keys."""
        given: Document = {"issuer": issuer, "name": name, "jwks": jwks}
        return await self._requests.post("/v1/trust-anchors", given)

    def list(self) -> AsyncIterator[Document]:
        """List present and ended trust anchors."""
        return self._requests.pages("/v1/trust-anchors")

    async def end(self, issuer: str) -> Document:
        """End the trust in an issuer."""
        return await self._requests.post("/v1/trust-anchors/end", {"issuer": issuer})
