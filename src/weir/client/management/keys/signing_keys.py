"""The platform's signing keys."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class SigningKeys:
    """Operations on signing keys. Times are RFC 3339 texts with their zone."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self) -> AsyncIterator[Document]:
        """List every signing key there ever was, newest first."""
        return self._requests.pages("/v1/signing-keys")

    async def announce(
        self, algorithm: str, signs_from: str, purpose: str = "access_token"
    ) -> Document:
        """Make the next key; it signs from `signs_from` on, once every process accepts it.

        `purpose` is `access_token`, or `message` for the key that gateways sign answers with.
        """
        given: Document = {"purpose": purpose, "algorithm": algorithm, "signs_from": signs_from}
        return await self._requests.post("/v1/signing-keys", given)

    async def revoke(self, kid: str) -> Document:
        """Revoke a key everywhere; returns once that is so (`effective_at`)."""
        return await self._requests.post(f"/v1/signing-keys/{quote_segment(kid)}/revoke")
