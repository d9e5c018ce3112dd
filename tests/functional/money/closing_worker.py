"""Worker processes that do nothing but closings, for tests that kill them.

Importing takes a process seconds, so each is forked from one that has done it: for every name that
is read from standard input a worker starts, and its process id is written.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from sqlalchemy.engine import make_url

from weir.care.audit import AuditJournal
from weir.kernel.clock import SystemClock
from weir.metering.lake import Lake
from weir.settlement.working import Works, tend
from weir.store.database import Database


async def work(name: str, url: str, lake: str, outbox: str, release: str) -> None:
    named = make_url(url).update_query_dict({"application_name": name})
    address = named.render_as_string(hide_password=False)
    database = Database(address, clock=SystemClock(), journal=AuditJournal(bytes(32)), cache=None)
    works = Works(database, Lake(lake), Path(outbox), release)
    while True:
        await tend(works)
        await asyncio.sleep(0.05)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a worker ended
    for name in iter(sys.stdin.readline, ""):
        process = os.fork()
        if not process:
            asyncio.run(work(name.strip(), *sys.argv[1:]))
        print(process, flush=True)


if __name__ == "__main__":
    main()
