"""Advisory locks of PostgreSQL, held until the transaction ends."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declarations import Lock

_KEY: Final = "hashtextextended(:name, :number)"
HOLD: Final = text(f"SELECT pg_advisory_xact_lock({_KEY})")  # with the values of `key`
_TRY: Final = text(f"SELECT pg_try_advisory_xact_lock({_KEY})")


async def hold(connection: AsyncConnection, lock: Lock, name: str = "") -> None:
    """Wait until no other transaction holds the lock under this name, and hold it."""
    await connection.execute(HOLD, key(lock, name))


async def try_hold(connection: AsyncConnection, lock: Lock, name: str = "") -> bool:
    """Hold the lock under this name, or return False at once while another transaction does."""
    return bool(await connection.scalar(_TRY, key(lock, name)))


def key(lock: Lock, name: str = "") -> dict[str, str | int]:
    """Return the values of the statement HOLD."""
    return {"name": name, "number": lock.number}
