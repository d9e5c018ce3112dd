"""A worker that ingests and merges until it is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from seals import KEYS
from weir.audit.chain import AuditJournal
from weir.kernel.clock import SystemClock
from weir.metering.lake.compaction import compact
from weir.metering.lake.ingest import ingest
from weir.metering.lake.lake import Lake
from weir.store.cache import Cache
from weir.store.database import Database


def work(
    ready: Callable[[], None], database_url: str, valkey_url: str, records: Path, lake: str
) -> None:
    asyncio.run(_work(ready, database_url, valkey_url, records, Lake(lake)))


async def _work(
    ready: Callable[[], None], database_url: str, valkey_url: str, records: Path, lake: Lake
) -> None:
    journal = AuditJournal(bytes(32))
    database = Database(database_url, clock=SystemClock(), journal=journal, cache=Cache(valkey_url))
    ready()
    while True:
        await ingest(database, records, lake, KEYS)
        await compact(database, lake)
