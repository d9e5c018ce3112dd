"""Trials of sandbox products, with a key of your own."""

from __future__ import annotations

from weir.client.management.requests import Document, Requests, quote_segment


class Trials:
    """Operations on trials."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def issue_token(self, application: str, product: str, thumbprint: str) -> Document:
        """Issue a token of some minutes to try a sandbox product out (DPoP).

        It is bound to the key with this RFC 7638 thumbprint.
        """
        path = f"/v1/applications/{quote_segment(application)}/trial-tokens"
        return await self._requests.post(path, {"product": product, "thumbprint": thumbprint})

    async def issue_key(self, application: str, product: str, jwk: Document) -> Document:
        """Let a key ask a test customer for consent in the application's name, for minutes."""
        path = f"/v1/applications/{quote_segment(application)}/trial-keys"
        return await self._requests.post(path, {"product": product, "jwk": jwk})
