"""The change log as a gateway follows it: everything at the start, then page by page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.engine import make_url

from weir.audit.chain import AuditJournal
from weir.consent.published import REVOCATION, revocation
from weir.gateway.budgets.allowances import DatabaseClock
from weir.gateway.config.change_log import PageSize
from weir.gateway.config.follower import WHOLE_PAGE, Follower
from weir.kernel.clock import SystemClock
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S
from weir.keys.published import RevocationDocument
from weir.partners.published import ORGANISATION, OrganisationDocument
from weir.shelf.published import PRODUCT, OperationDocument, ProductDocument
from weir.store import processes
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.schema import changes
from weir.store.unit import Actor, Change

ACTOR = Actor("org_a", "app_a")


def following(database: Database, cache: Cache, **more: Any) -> Follower:
    clock = DatabaseClock(asyncio.get_running_loop())
    return Follower(database, cache, "prc_1", clock, **more)


async def publish(database: Database, *wanted: Change) -> int:
    async with database.unit(ACTOR) as unit:
        for change in wanted:
            unit.publish(change)
    assert unit.sequence is not None
    return unit.sequence


def organisation(number: int, name: str = "somebody") -> Change:
    document = OrganisationDocument(
        id=f"org_{number}", kind="member", slug=f"bank-{number}", name=name, status="active"
    )
    return Change(ORGANISATION, document.id, document)


def product(number: int, operations: int, status: Any = "published") -> Change:
    document = ProductDocument(
        id=f"prd_{number}",
        owner="org_1",
        slug=f"shelf-{number}",
        version=1,
        prefix=f"/bank/shelf-{number}/v1",
        scope="bank.shelf",
        status=status,
        direction="go-out",
        operations=[
            OperationDocument(
                capability=f"cap_{each}",
                operation_id=f"get{each}",
                method="GET",
                path=f"/things-{each}/{{id}}",
                member="org_1",
                backend_url="https://127.0.0.1:9",
                base_path="",
                timeout_ms=1_000,
            )
            for each in range(operations)
        ],
    )
    return Change(PRODUCT, document.id, document)


async def test_a_start_finds_what_stands_and_nothing_that_was_removed(
    database: Database, cache: Cache
) -> None:
    now = datetime.now(UTC)
    for_ever = RevocationDocument("certificate", "thumbprint", now)
    ends = [now + timedelta(minutes=minutes) for minutes in (1, 5, 60)]
    newest = await publish(
        database,
        *(organisation(number) for number in range(20)),
        product(1, 3),
        product(2, 2),
        *(revocation("consent", f"cns_{i}", now, ends[i % 3]) for i in range(300)),
        Change(REVOCATION, for_ever.key, for_ever),
        Change(ORGANISATION, "org_7", None),
        Change(PRODUCT, "prd_2", None),
    )
    started = following(database, cache)
    await started.start()
    snapshot = started.snapshot
    assert snapshot.sequence == newest
    assert set(snapshot.organisations) == {f"org_{i}" for i in range(20) if i != 7}
    assert set(snapshot.routes) == {b"/bank/shelf-1/v1"}
    assert snapshot.routes[b"/bank/shelf-1/v1"].routes.find("GET", [b"things-2", b"x"]) is not None
    assert all(f"consent:cns_{i}" in snapshot.revoked for i in range(300))
    assert for_ever.key in snapshot.revoked
    assert len(snapshot.revoked) == 301
    assert started.lease.holds()


@pytest.mark.parametrize("late", [False, True])
async def test_a_revocation_leaves_memory_and_log_when_the_last_token_it_voids_has_died(
    database: Database, cache: Cache, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Both one that was there when the process started, and one that came later."""
    started = following(database, cache)
    if late:
        await started.start()
    now = datetime.now(UTC)
    change = revocation("consent", "cns_1", now)
    assert change.expires_at is not None
    assert change.expires_at >= now + timedelta(seconds=ACCESS_TOKEN_LIFETIME_S)
    assert change.expires_at <= now + timedelta(seconds=ACCESS_TOKEN_LIFETIME_S + 60)
    await publish(database, change)
    await (started._trip() if late else started.start())
    ends_s = change.expires_at.timestamp()
    for at_s, there in ((ends_s - 1, True), (ends_s + 60, False)):
        monkeypatch.setattr("weir.gateway.config.follower.time.time", lambda at_s=at_s: at_s)
        for _ in range(61):
            await started.sweep()
        assert ("consent:cns_1" in started.snapshot.revoked) is there


async def test_a_large_change_is_applied_page_by_page_while_the_lease_is_kept(
    database: Database, cache: Cache
) -> None:
    started = following(database, cache, page=PageSize(3, WHOLE_PAGE.stored_bytes))
    await started.start()
    newest = await publish(database, *(organisation(number) for number in range(10)))
    seen = []
    while started.snapshot.sequence < newest:
        assert await processes.await_acknowledged(database, newest, timeout_s=0) is None
        await started._trip()
        seen.append(len(started.snapshot.organisations))
        assert started.lease.holds()
    assert seen == [3, 6, 9, 10]
    assert await processes.await_acknowledged(database, newest, timeout_s=0) is not None


async def test_a_page_is_bounded_in_bytes_and_still_holds_one_change_at_least(
    database: Database, cache: Cache
) -> None:
    started = following(database, cache, page=PageSize(100, 1))
    await started.start()
    newest = await publish(database, *(product(number, 300) for number in range(3)))
    for expected in (1, 2, 3):
        await started._trip()
        assert len(started.snapshot.products) == expected
    assert started.snapshot.sequence == newest


async def test_a_change_too_large_for_the_time_of_a_trip_is_applied_all_the_same(
    database: Database, database_url: str, cache: Cache, journal: AuditJournal, folder: Path
) -> None:
    """The whole page takes longer than a trip may."""
    names = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz", k=96_000))
    async with slow_way(database_url, folder, bytes_per_s=120_000) as url:
        far = Database(url, clock=SystemClock(), journal=journal, cache=None)
        page = PageSize(64, WHOLE_PAGE.stored_bytes)
        started = following(far, cache, trip_timeout_s=0.5, page=page)
        await started.start()
        many = [organisation(i, names[i * 1_500 : (i + 1) * 1_500]) for i in range(64)]
        newest = await publish(database, *many)
        came = []
        while started.snapshot.sequence < newest:
            await started._try_a_trip()
            came.append(len(started.snapshot.organisations))
        await far.close()
    assert came[0] == 0  # a whole page was too much
    assert len(started.snapshot.organisations) == 64


async def test_after_a_gap_in_its_lease_it_waits_until_all_was_read(
    database: Database, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While there was no lease anything may have been reported as done without this process."""
    started = following(database, cache, page=PageSize(2, WHOLE_PAGE.stored_bytes))
    await started.start()
    monkeypatch.setattr(started, "_held_until_s", 0.0)
    monkeypatch.setattr(started.lease, "until_s", 0.0)
    await publish(database, *(organisation(number) for number in range(6)))
    held = []
    for _ in range(4):
        await started._trip()
        held.append((len(started.snapshot.organisations), started.lease.holds()))
    # The third trip has read the last page full, so only the fourth knows that it was the last.
    assert held == [(2, False), (4, False), (6, False), (6, True)]


async def test_one_that_was_taken_for_dead_holds_no_lease_until_it_has_read_on(
    database: Database, cache: Cache
) -> None:
    started = following(database, cache)
    await started.start()
    async with database.engine.begin() as connection:
        await connection.execute(delete(processes.processes))
    await started._trip()
    assert not started.lease.holds()
    await started._trip()
    assert started.lease.holds()


async def test_a_log_that_no_longer_tells_all_ends_the_process(
    database: Database, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[int] = []
    started = following(database, cache, on_lost=lambda: lost.append(1))
    await publish(database, organisation(1))
    await started.start()
    await started._trip()
    assert not lost
    async with database.engine.begin() as connection:  # as after a restore of an older backup
        await connection.execute(delete(processes.processes))
        await connection.execute(delete(changes))
    await started._trip()
    assert len(lost) == 1
    await asyncio.sleep(0.01)
    for module in ("store.unit", "gateway.config.follower"):
        monkeypatch.setattr(f"weir.{module}.REMOVAL_KEPT_S", 0)
    await started._trip()
    assert len(lost) == 2


@asynccontextmanager
async def slow_way(url: str, folder: Path, bytes_per_s: int) -> AsyncIterator[str]:
    """A way to the same database that lets so much through."""
    given = make_url(url)
    directory = Path(str(given.query["host"]))
    name = f".s.PGSQL.{given.query.get('port', given.port or 5432)}"

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slow: bool) -> None:
        try:
            while data := await reader.read(4_096):
                if slow:
                    await asyncio.sleep(len(data) / bytes_per_s)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(directory / name)
        await asyncio.gather(
            pump(reader, there_writer, slow=False), pump(there_reader, writer, slow=True)
        )

    server = await asyncio.start_unix_server(serve, folder / name)
    try:
        yield given.set(query={**given.query, "host": str(folder)}).render_as_string(
            hide_password=False
        )
    finally:
        server.close()
