"""Client certificates of applications."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from weir.client.management.requests import Document, Requests, quote_segment


class Certificates:
    """Operations on certificates."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def issue(self, application: str, csr_pem: str) -> Document:
        """Issue a client certificate (`pem`) for an application's own certificate request."""
        path = f"/v1/applications/{quote_segment(application)}/certificates"
        return await self._requests.post(path, {"csr_pem": csr_pem})

    def list(self, application: str) -> AsyncIterator[Document]:
        """List an application's certificates."""
        return self._requests.pages(f"/v1/applications/{quote_segment(application)}/certificates")

    async def expiring(self, days: int = 30) -> Sequence[Document]:
        """List certificates in reach that end within so many days and have no later one."""
        found = await self._requests.get("/v1/expiring-certificates", days=str(days))
        items: Sequence[Document] = found["items"]
        return items

    async def revoke(self, certificate: str) -> Document:
        """Revoke a certificate at every gateway, with every token bound to it."""
        return await self._requests.post(f"/v1/certificates/{quote_segment(certificate)}/revoke")
