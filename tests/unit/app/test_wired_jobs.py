"""Every kind of job and every step that a room declares is wired for the worker."""

from __future__ import annotations

from pathlib import Path

from weir.app.jobs import works_of
from weir.audit.chain import AuditJournal
from weir.kernel import rooms
from weir.kernel.clock import SystemClock
from weir.metering.lake.lake import Lake
from weir.settlement.closing import requests
from weir.store.database import Database


async def test_what_rooms_declare_is_what_the_worker_can_do(tmp_path: Path) -> None:
    journal = AuditJournal(bytes(32))
    database = Database(
        "postgresql+psycopg://localhost/none", clock=SystemClock(), journal=journal, cache=None
    )
    works = works_of(database, Lake(str(tmp_path)), tmp_path, "one")
    await database.close()
    assert works.failures.keys() == rooms.jobs().keys()
    assert works.steps.keys() == rooms.steps().keys()
    assert works.steps.keys() >= set(requests.all_steps(settle=True))
