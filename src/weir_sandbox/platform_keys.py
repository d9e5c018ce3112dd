"""Public keys of the platform (RFC 7517), fetched when an identity names one that is not known."""

from __future__ import annotations

import asyncio
import base64
import binascii
import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)

from weir_sandbox.limits import KEYS_AGAIN_S, KEYS_BYTES, KEYS_TIMEOUT_S
from weir_sandbox.problems import UNAVAILABLE, Problem

_HTTPS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform as an institution was told of it when it joined.

    `issuer` is the origin of its authorization server, `ca` the authority of its servers (PEM),
    `member` the name by which the platform knows this institution.
    """

    issuer: str
    ca: Path
    member: str


class PlatformKeys:
    """The platform's ES256 keys by their `kid`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._asked_s = float("-inf")
        self._asking = asyncio.Lock()

    async def find(self, kid: str) -> EllipticCurvePublicKey | None:
        """Return a key, or None for one that the platform does not publish.

        UNAVAILABLE when the platform cannot be asked.
        """
        async with self._asking:
            if kid not in self._keys and time.monotonic() - self._asked_s > KEYS_AGAIN_S:
                await self._ask()
        return self._keys.get(kid)

    async def _ask(self) -> None:
        try:
            listed = await asyncio.to_thread(_fetch, self._platform)
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            raise Problem(UNAVAILABLE, "the platform's keys cannot be read") from None
        self._asked_s = time.monotonic()
        self._keys = listed


def _fetch(platform: Platform) -> dict[str, EllipticCurvePublicKey]:
    """Fetch the JWK Set over TLS. Names under localhost are this machine (RFC 6761)."""
    address = urlsplit(f"{platform.issuer}/jwks")
    host, port = address.hostname or "", address.port or _HTTPS_PORT
    here = host == "localhost" or host.endswith(".localhost")
    connection = http.client.HTTPSConnection(host, port, timeout=KEYS_TIMEOUT_S)
    plain = socket.create_connection(("127.0.0.1" if here else host, port), KEYS_TIMEOUT_S)
    try:
        context = ssl.create_default_context(cafile=str(platform.ca))
        connection.sock = context.wrap_socket(plain, server_hostname=host)
        connection.request("GET", address.path)
        answer = connection.getresponse()
        body = answer.read(KEYS_BYTES)
        if answer.status != 200:
            raise ValueError("the platform did not answer with its keys")
        return {each["kid"]: _key(each) for each in json.loads(body)["keys"] if _fits(each)}
    finally:
        plain.close()
        connection.close()


def _fits(jwk: dict[str, Any]) -> bool:
    return (jwk.get("kty"), jwk.get("crv"), jwk.get("alg")) == ("EC", "P-256", "ES256")


def _key(jwk: dict[str, Any]) -> EllipticCurvePublicKey:
    x, y = (int.from_bytes(decoded(jwk[name]), "big") for name in ("x", "y"))
    return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()


def decoded(text: str) -> bytes:
    """Decode base64url without padding (RFC 4648 section 5). ValueError."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
