"""What worker and time do after a crash: seal what the dead left, ingest it, reconcile payments."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from platform_world import World

from waits import PATIENCE_S
from weir.app.private_sockets import member_client
from weir.kernel.clock import SystemClock
from weir.metering.counters.reconciliation import make_lookup, reconcile
from weir.metering.declares import RECONCILE_AFTER_S
from weir.metering.lake import queries
from weir.metering.records.segments import streams
from weir.metering.records.writer import RecordWriter
from weir.store.database import Database

_OPEN = "SELECT 1 FROM intents WHERE state = 'forwarded' LIMIT 1"
_IN_LAKE = "SELECT coalesce(max(last_number), 0) FROM segments WHERE stream = %s"


class AheadClock(SystemClock):
    """Two minutes ahead. Reconciliation waits so long that no call can be on its way any more; here
    it is known that none is, because whoever called has ended."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=RECONCILE_AFTER_S + 1)


async def reconciled(world: World) -> None:
    """Decide every intent that is open, beside the worker, and wait until the lake knows."""
    core = world.core
    database = Database(
        str(core.settings.database_url), clock=AheadClock(), journal=core.journal, cache=core.cache
    )
    folder = core.records_folder
    writer = RecordWriter.open(folder, world.mint("str"))
    with closing(writer):
        async with member_client(core) as client, asyncio.timeout(PATIENCE_S):
            while await world.sql(_OPEN):
                await reconcile(database, folder, world.lake, writer, make_lookup(client))
        last = writer.last_number
    await database.close()

    async def there() -> bool:
        return bool((await world.sql(_IN_LAKE, writer.stream))[0][0] >= last)

    await _until(there)


async def ingested(world: World, interactions: Sequence[str]) -> None:
    """Wait until the lake has these calls, and all that dead processes left."""

    async def there() -> bool:
        tally = await world.ask(queries.compare, interactions)
        return tally.missing == 0 and not _left_open(world)

    await _until(there)


def _left_open(world: World) -> list[str]:
    """Streams with an open segment: of a dead process, or of one that wrote this second."""
    folder = world.core.records_folder
    return [stream for stream in streams(folder) if list((folder / stream).glob("*.open"))]


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait, and go on at the end of patience: the assertions then say what is missing."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not await holds() and time.monotonic() < deadline_s:
        await asyncio.sleep(0.1)
