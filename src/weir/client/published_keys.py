"""The platform's public keys (RFC 7517), fetched when an unknown one is named."""

from __future__ import annotations

import time
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from weir.client.errors import ProtocolError, json_object
from weir.client.exchange import Exchange

# FAPI 2.0 section 5.4.1.
_ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "Ed25519")
_FETCHED_AGAIN_AFTER_S: Final = 10.0  # however many unknown names come in


class PublishedKeys:
    """Keys by their `kid`, from the address that the server's metadata names."""

    def __init__(self, exchange: Exchange, address: str) -> None:
        self._exchange = exchange
        self._address = address
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched_s = float("-inf")

    async def find(self, kid: str) -> dict[str, Any]:
        """Return the key (a JWK) of this name. ProtocolError when the platform publishes none."""
        if kid not in self._keys and time.monotonic() - self._fetched_s > _FETCHED_AGAIN_AFTER_S:
            await self._fetch()
        if kid not in self._keys:
            raise ProtocolError("it is signed with a key that the platform does not publish")
        return self._keys[kid]

    async def claims_of(self, token: str) -> dict[str, Any]:
        """Return the claims of a JWT that the platform signed. ProtocolError for any other."""
        try:
            kid = str(jws.extract_compact(token.encode()).headers().get("kid"))
            key = import_key(await self.find(kid))
            payload = jws.deserialize_compact(token, key, algorithms=list(_ALGORITHMS)).payload
        except (JoseError, ValueError) as error:
            raise ProtocolError("it is not a JWT that the platform signed") from error
        claims = json_object(payload)
        if claims is None:
            raise ProtocolError("the JWT holds no JSON object")
        return claims

    async def _fetch(self) -> None:
        answer = await self._exchange.send("GET", self._address)
        listed = answer.object().get("keys")
        if answer.status != 200 or not isinstance(listed, list):
            raise ProtocolError("the platform's keys are not in their form")
        self._fetched_s = time.monotonic()
        self._keys = {key["kid"]: key for key in listed if isinstance(key, dict) and "kid" in key}
