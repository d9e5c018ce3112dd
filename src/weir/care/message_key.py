"""The key that gateways sign answers with (RFC 9421): not the one that tokens are signed with, so
that a process that meets every caller cannot make a token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.care import signing
from weir.care.master import Sealing
from weir.care.signing import PrivateKey
from weir.care.tables import keys
from weir.care.vault import PLATFORM
from weir.store.database import Database
from weir.store.unit import UnitOfWork

PURPOSE: Final = "message"
_ALGORITHM: Final = signing.ES256
_KEY_LOCK: Final = 0x7765_6972_0005


@dataclass(frozen=True, slots=True)
class MessageKey:
    """The newest key, unsealed; `published` are the public keys that answers may be signed with."""

    kid: str
    published: tuple[dict[str, Any], ...]
    private: PrivateKey = field(repr=False)

    @classmethod
    async def open(cls, database: Database, sealing: Sealing) -> MessageKey:
        """Load it, making it at the platform's first start."""
        async with database.connect() as connection:
            rows = await _rows(connection)
        if not rows:
            rows = await _first(database, sealing)
        newest = rows[-1]
        private = signing.recalled(sealing.open(newest.id, newest.sealed_private))
        return cls(newest.id, tuple(row.public for row in rows), private)

    def sign(self, signed: bytes) -> bytes:
        """An `ecdsa-p256-sha256` signature (RFC 9421 section 3.3.4)."""
        return signing.sign(self.private, signed)


async def _first(database: Database, sealing: Sealing) -> list[Any]:
    """Make it, unless another process just has."""
    async with database.unit(PLATFORM) as unit:
        await unit.connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _KEY_LOCK}
        )
        if not await _rows(unit.connection):
            await _create(unit, sealing)
        return await _rows(unit.connection)


async def _rows(connection: AsyncConnection) -> list[Any]:
    found = await connection.execute(
        select(keys)
        .where(keys.c.purpose == PURPOSE, keys.c.retired_at.is_(None))
        .order_by(keys.c.created_at, keys.c.id)
    )
    return list(found.all())


async def _create(unit: UnitOfWork, sealing: Sealing) -> None:
    kid, private = unit.mint("key"), signing.generate(_ALGORITHM)
    await unit.connection.execute(
        keys.insert().values(
            id=kid,
            purpose=PURPOSE,
            public=signing.public_jwk(private, kid, _ALGORITHM),
            sealed_private=sealing.seal(kid, signing.stored(private)),
            created_at=unit.now,
        )
    )
    unit.audit("key.created", kid, {"alg": _ALGORITHM, "purpose": PURPOSE})
