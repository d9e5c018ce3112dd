"""Fetching of key sets from addresses that clients chose, over `weir.wire.outbound`."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from weir.authorization.declares import JWKS_BYTES, JWKS_FETCHES
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads
from weir.partners import keys
from weir.wire.outbound import Outbound, OutboundError

_ACCEPTED: Final = "application/jwk-set+json, application/json"
_TYPES: Final = frozenset(_ACCEPTED.split(", "))
_OK: Final = 200


class FetchError(Exception):
    """The key set cannot be had. The message may be shown: it names nothing inside."""


class KeyFetcher:
    """Fetches key sets, JWKS_FETCHES at a time."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._places = asyncio.Semaphore(JWKS_FETCHES)

    async def fetch(self, uri: str) -> dict[str, Any]:
        """Return the public keys at an address as a JWK set, reduced
        to known members. FetchError.
        """
        try:
            async with self._places:
                answer = await self._outbound.get(uri, {"accept": _ACCEPTED}, JWKS_BYTES)
        except OutboundError as error:
            raise FetchError("the address did not answer as it should") from error
        if answer.status != _OK or answer.media_type not in _TYPES:
            raise FetchError("the address did not answer with a key set")
        return _keys_in(answer.body)


def _keys_in(body: bytes) -> dict[str, Any]:
    """Return the JWK set in a body, reduced to known members. FetchError."""
    try:
        return keys.public_jwks(loads(body, JWKS_BYTES), "")
    except (ValueError, Refusal) as error:
        raise FetchError("what the address gave is no set of strong public keys") from error
