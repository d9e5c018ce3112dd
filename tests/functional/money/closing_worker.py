"""A worker that does nothing but closings until it is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from weir.app.jobs import works_of
from weir.audit.chain import AuditJournal
from weir.jobs.runner import tend
from weir.kernel.clock import SystemClock
from weir.metering.lake.lake import Lake
from weir.store.database import Database


def work(ready: Callable[[], None], url: str, lake: str, outbox: Path) -> None:
    asyncio.run(_work(ready, url, Lake(lake), outbox))


async def _work(ready: Callable[[], None], url: str, lake: Lake, outbox: Path) -> None:
    database = Database(url, clock=SystemClock(), journal=AuditJournal(bytes(32)), cache=None)
    works = works_of(database, lake, outbox, "one")
    ready()
    while True:
        await tend(works)
        await asyncio.sleep(0.05)
