"""The platform's signing keys, the algorithms it takes, and whose statements it believes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from weir.client.management_requests import Asker, Document, place


class Keys:
    """What is, what is announced, and what ends. Times are RFC 3339 texts with their zone."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def signing_keys(self) -> AsyncIterator[Document]:
        """Every signing key there ever was, newest first."""
        return self._asker.pages("/v1/signing-keys")

    async def announce_signing_key(
        self, algorithm: str, signs_from: str, purpose: str = "access_token"
    ) -> Document:
        """Make the next key; it signs from `signs_from` on, once every process accepts it.

        `purpose` is `access_token`, or `message` for the key that gateways sign answers with.
        """
        given: Document = {"purpose": purpose, "algorithm": algorithm, "signs_from": signs_from}
        return await self._asker.post("/v1/signing-keys", given)

    async def revoke_signing_key(self, kid: str) -> Document:
        """Revoke it everywhere; answers when that is so (`effective_at`)."""
        return await self._asker.post(f"/v1/signing-keys/{place(kid)}/revoke")

    async def register_anchor(self, issuer: str, name: str, jwks: dict[str, Any]) -> Document:
        """Believe an issuer of software statements (RFC 7591), or replace its keys."""
        given: Document = {"issuer": issuer, "name": name, "jwks": jwks}
        return await self._asker.post("/v1/trust-anchors", given)

    def anchors(self) -> AsyncIterator[Document]:
        """Issuers that are believed, or were."""
        return self._asker.pages("/v1/trust-anchors")

    async def end_anchor(self, issuer: str) -> Document:
        """Believe an issuer no more."""
        return await self._asker.post("/v1/trust-anchors/end", {"issuer": issuer})

    def algorithm_endings(self) -> AsyncIterator[Document]:
        """Algorithms of clients' signatures that are taken until a date."""
        return self._asker.pages("/v1/algorithm-endings")

    async def end_algorithm(self, algorithm: str, ends_at: str) -> Document:
        """Announce that an algorithm is taken until `ends_at` and no longer."""
        path = f"/v1/algorithm-endings/{place(algorithm)}"
        return await self._asker.put(path, {"ends_at": ends_at})

    async def keep_algorithm(self, algorithm: str) -> Document:
        """Take the announcement back."""
        return await self._asker.post(f"/v1/algorithm-endings/{place(algorithm)}/take-back")
