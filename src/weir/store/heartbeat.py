"""The pulse of a process that follows the change log: a trip each second and at each wake-up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from weir.kernel.outcomes import Refusal
from weir.store import processes
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.declares import LEASE_RENEWAL_S

_RECONNECT_S: Final = 0.5


async def beat(cache: Cache, woken: asyncio.Event, trip: Callable[[], Awaitable[object]]) -> None:
    """Make trips until cancelled. `woken` hastens the next one, also when others set it."""
    hearing = asyncio.get_running_loop().create_task(_hear(cache, woken))
    try:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), LEASE_RENEWAL_S)
            woken.clear()
            await trip()
    finally:
        hearing.cancel()


async def leave(database: Database, process: str, timeout_s: float) -> None:
    """End the process's lease. A database that is away ends it by itself, in time."""
    with suppress(Refusal, SQLAlchemyError, TimeoutError, OSError):
        async with asyncio.timeout(timeout_s), database.connect() as connection:
            await processes.leave(connection, process)
            await connection.commit()


async def _hear(cache: Cache, woken: asyncio.Event) -> None:
    """Wake up when a change is announced. A missed word costs a second, no more."""
    while True:
        with suppress(Refusal, Exception):
            async for _ in cache.wake_ups():
                woken.set()
        await asyncio.sleep(_RECONNECT_S)
