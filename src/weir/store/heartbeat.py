"""The heartbeat of a process that follows the change log: each second and at each wake-up."""

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
    """Call `trip` each LEASE_RENEWAL_S seconds, until cancelled.

    Setting `woken` starts the next call at once; announced changes set it, and callers may too.
    """
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
    """End the process's lease. If the database cannot be reached, the lease ends by its time."""
    with suppress(Refusal, SQLAlchemyError, TimeoutError, OSError):
        async with asyncio.timeout(timeout_s), database.connect() as connection:
            await processes.leave(connection, process)
            await connection.commit()


async def _hear(cache: Cache, woken: asyncio.Event) -> None:
    """Set `woken` at each announced change. A missed one costs a delay of a second at most."""
    while True:
        with suppress(Refusal, Exception):
            async for _ in cache.wake_ups():
                woken.set()
        await asyncio.sleep(_RECONNECT_S)
