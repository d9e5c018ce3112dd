"""Keys that sign seals and roots over call records (Ed25519, RFC 8032), encrypted at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.seals import PublicKey, SealingKey
from weir.keys.declares import RECORD_KEYS_LOCK
from weir.keys.master_key import Sealing
from weir.keys.tables import keys
from weir.keys.vault import PLATFORM
from weir.store.database import Database
from weir.store.locks import hold
from weir.store.unit import UnitOfWork

ALGORITHM = "Ed25519"
_PURPOSE = "records"


@dataclass(frozen=True, slots=True)
class RecordKeys:
    """The current key for seals, and by name every public key there has been."""

    current: SealingKey
    public: dict[str, PublicKey]

    @classmethod
    async def open(cls, database: Database, sealing: Sealing) -> RecordKeys:
        """Load the keys, or make the first one at the platform's first start."""
        async with database.unit(PLATFORM) as unit:
            await hold(unit.connection, RECORD_KEYS_LOCK)
            if not await _rows(unit.connection):
                await _create(unit, sealing)
            rows = await _rows(unit.connection)
        newest = rows[-1]
        private = Ed25519PrivateKey.from_private_bytes(
            sealing.open(newest.id, newest.sealed_private)
        )
        return cls(SealingKey(newest.id, private), {row.id: _public(row) for row in rows})


async def list_public_keys(connection: AsyncConnection) -> dict[str, PublicKey]:
    """Return every public key for seals that there has been, by name."""
    return {row.id: _public(row) for row in await _rows(connection)}


async def _rows(connection: AsyncConnection) -> list[Any]:
    found = await connection.execute(
        select(keys).where(keys.c.purpose == _PURPOSE).order_by(keys.c.created_at, keys.c.id)
    )
    return list(found.all())


def _public(row: Any) -> PublicKey:
    retired = row.retired_at
    return PublicKey(
        kid=row.id,
        x=row.public["x"],
        not_before_us=row.public["not_before_us"],
        not_after_us=None if retired is None else int(retired.timestamp() * 1_000_000),
    )


async def _create(unit: UnitOfWork, sealing: Sealing) -> None:
    kid = unit.mint("key")
    private = Ed25519PrivateKey.generate()
    public = SealingKey(kid, private).public(int(unit.now.timestamp()) * 1_000_000)
    await unit.connection.execute(
        keys.insert().values(
            id=kid,
            purpose=_PURPOSE,
            public={"x": public.x, "not_before_us": public.not_before_us},
            sealed_private=sealing.seal(kid, private.private_bytes_raw()),
            created_at=unit.now,
        )
    )
    unit.audit("key.created", kid, {"alg": ALGORITHM, "purpose": _PURPOSE})
