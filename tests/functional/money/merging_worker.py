"""A worker process that ingests and merges until it is killed: `python merging_worker.py URL …`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from seals import KEYS
from weir.care.audit import AuditJournal
from weir.kernel.clock import SystemClock
from weir.metering.compacting import compact
from weir.metering.ingest import ingest
from weir.metering.lake import Lake
from weir.store.cache import Cache
from weir.store.database import Database


async def work(database_url: str, valkey_url: str, records: Path, lake: Lake) -> None:
    journal = AuditJournal(bytes(32))
    database = Database(database_url, clock=SystemClock(), journal=journal, cache=Cache(valkey_url))
    print("at work", flush=True)
    while True:
        await ingest(database, records, lake, KEYS)
        await compact(database, lake)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Lake(sys.argv[4])))
