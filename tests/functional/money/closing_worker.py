"""A worker process that does nothing but closings, for tests that kill it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from weir.care.audit import AuditJournal
from weir.kernel.clock import SystemClock
from weir.metering.lake import Lake
from weir.settlement.working import Works, tend
from weir.store.database import Database


async def work(url: str, lake: str, outbox: str, release: str) -> None:
    database = Database(url, clock=SystemClock(), journal=AuditJournal(bytes(32)), cache=None)
    works = Works(database, Lake(lake), Path(outbox), release)
    print("ready", flush=True)
    while True:
        await tend(works)
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
