"""Slots of workers: a job's holder is a number, locked by a connection of its own.

A process's name would not do: two processes with the same name would both run a step, and one with
a new name would never find the jobs it left behind. A slot is a number whose advisory lock
PostgreSQL gives to one connection at a time and takes back when the connection ends, however the
process ended. A worker that gets the lock of a slot with jobs knows that their holder is gone, and
continues them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.jobs.declares import SLOT_LOCK, WORKER_SLOTS
from weir.kernel.outcomes import Refusal
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE

_TRY: Final = text("SELECT pg_try_advisory_lock(:space, :slot)")

_TRY_ONCE: Final = text("SELECT pg_try_advisory_xact_lock(:space, :slot)")


class Slots:
    """The slots that one process holds: its own, and slots it took over from dead workers."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.held: list[int] = []

    @property
    def own(self) -> int:
        """The slot that new jobs are run under."""
        return self.held[0]

    async def take_over(self, slot: int) -> bool:
        """Take over the slot of a worker that has died; False while it is alive."""
        if slot in self.held:
            return True
        if await self._connection.scalar(_TRY, {"space": SLOT_LOCK.number, "slot": slot}):
            self.held.append(slot)
            return True
        return False

    async def still_held(self) -> None:
        """Check that the connection, and with it every lock, is still there.

        ENGINE_UNAVAILABLE, or the driver's error, when it is gone.
        """
        await self._connection.scalar(text("SELECT 1"))


async def is_held(connection: AsyncConnection, slot: int) -> bool:
    """Whether a process holds a slot now.

    If none does, this transaction keeps the slot free until it ends.
    """
    free = await connection.scalar(_TRY_ONCE, {"space": SLOT_LOCK.number, "slot": slot})
    return not free


@asynccontextmanager
async def holding(database: Database) -> AsyncIterator[Slots]:
    """Hold a slot for this process, until the block or the process ends.

    Refusal ENGINE_UNAVAILABLE when PostgreSQL cannot be reached or every slot is taken.
    """
    async with database.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        slots = Slots(connection)
        try:
            for slot in range(1, WORKER_SLOTS + 1):
                if await slots.take_over(slot):
                    break
            else:
                raise Refusal(ENGINE_UNAVAILABLE, "every worker slot is taken")
            yield slots
        finally:
            # In the pool, the connection would keep its locks.
            await connection.invalidate()
