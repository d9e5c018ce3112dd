"""Signing keys: made here, sealed at rest, used behind an interface a key service can take over."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.care.master import Sealing
from weir.care.published import SigningKeyDocument
from weir.care.tables import keys
from weir.kernel.strict_json import canonical
from weir.store.database import Database
from weir.store.unit import Actor, Change, UnitOfWork

ALGORITHM: Final = "ES256"
PLATFORM = Actor(organisation="platform", subject="platform")
_KEY_LOCK = 0x7765_6972_0003


class Signer(Protocol):
    """What issues tokens needs: to sign with the current key, and to publish the public ones."""

    async def sign_jwt(self, claims: dict[str, Any], typ: str) -> str: ...

    def public_jwks(self) -> dict[str, list[dict[str, str]]]: ...


@dataclass(frozen=True, slots=True)
class _SigningKey:
    kid: str
    private: ec.EllipticCurvePrivateKey
    jwk: dict[str, str]


class Vault:
    """The platform's own signing keys (ES256, RFC 7518 section 3.4), unsealed in memory."""

    def __init__(self, current: _SigningKey, published: list[dict[str, str]]) -> None:
        self._current = current
        self._published = published

    @classmethod
    async def open(cls, database: Database, sealing: Sealing) -> Vault:
        """Load the signing keys, making the first one at the platform's first start."""
        async with database.unit(PLATFORM) as unit:
            await unit.connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _KEY_LOCK}
            )
            if not await _rows(unit.connection):
                await _create(unit, sealing)
            rows = await _rows(unit.connection)
        newest = rows[-1]
        private = load_der_private_key(sealing.open(newest.id, newest.sealed_private), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        return cls(_SigningKey(newest.id, private, newest.public), [row.public for row in rows])

    async def sign_jwt(self, claims: dict[str, Any], typ: str) -> str:
        """A compact JWS (RFC 7515) over the claims with the current key."""
        header = {"alg": ALGORITHM, "kid": self._current.kid, "typ": typ}
        signed = f"{b64url(canonical(header))}.{b64url(canonical(claims))}"
        der = self._current.private.sign(signed.encode(), ec.ECDSA(SHA256()))
        r, s = decode_dss_signature(der)
        return f"{signed}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """The JWK Set (RFC 7517 section 5) of every key a live token may be signed with."""
        return {"keys": [dict(jwk) for jwk in self._published]}


def b64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


async def _rows(connection: AsyncConnection) -> list[Any]:
    found = await connection.execute(
        select(keys)
        .where(keys.c.purpose == "access_token", keys.c.retired_at.is_(None))
        .order_by(keys.c.created_at, keys.c.id)
    )
    return list(found.all())


async def _create(unit: UnitOfWork, sealing: Sealing) -> None:
    kid = unit.mint("key")
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(numbers.x.to_bytes(32, "big")),
        "y": b64url(numbers.y.to_bytes(32, "big")),
        "kid": kid,
        "alg": ALGORITHM,
        "use": "sig",
    }
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    await unit.connection.execute(
        keys.insert().values(
            id=kid,
            purpose="access_token",
            public=jwk,
            sealed_private=sealing.seal(kid, der),
            created_at=unit.now,
        )
    )
    unit.audit("key.created", kid, {"alg": ALGORITHM, "purpose": "access_token"})
    unit.publish(Change("signing_key", kid, SigningKeyDocument(kid, ALGORITHM, jwk)))
