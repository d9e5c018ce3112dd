"""Closing as a job: a crash anywhere costs nothing but time, and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import closing_worker
import duckdb
import pytest
from money_world import World
from sqlalchemy import event, func, select, update
from test_closing import agree, balances, bring, close, count, now_us, refused, statement

from step_gates import gates, open_gate, waiting_at
from weir.audit.tables import audit_entries
from weir.jobs import runner
from weir.jobs.outbox import hand_over
from weir.jobs.slots import holding
from weir.jobs.tables import job_steps, jobs
from weir.kernel.declares import CONFLICT, FORBIDDEN, ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.ledger.tables import entries, postings
from weir.metering.tables import segments
from weir.settlement.closing import reopenings, requests, schedule
from weir.settlement.closing.requests import ClosingJob
from weir.settlement.documents import to_document
from weir.settlement.job_tables import closing_jobs
from weir.settlement.payment import pain001, rounds
from weir.settlement.payment.pain001 import read_account
from weir.settlement.payment_tables import netting_rounds, obligations, payments
from weir.settlement.periods.periods import interval, parse_period
from weir.settlement.statements.verification import RecordsFolder, verify
from weir.settlement.tables import closings, statements
from workers import Workers

STEPS = requests.all_steps(settle=True)


async def name_accounts(world: World) -> None:
    for number, party in enumerate((world.operator, world.bank, world.partner)):
        account = read_account("cnaps", f"Party {number}", f"{number}" * 12, "1" * 12)
        async with world.database.unit(world.actor(party)) as unit:
            await pain001.set_account(unit, party, account)


async def traded(world: World) -> None:
    """1,000 calls at 0.015: 1500 fen, of which 1050 are the bank's, 375 ours, 75 a rebate."""
    await agree(world)
    await name_accounts(world)
    at_us = now_us(world)
    await bring(world, *(world.record(at_us=at_us + n) for n in range(1_000)))


async def ask(world: World, settle: bool = True) -> str:
    async with world.database.unit(world.actor(world.operator)) as unit:
        return await requests.request(unit, period=world.period, currency="CNY", settle=settle)


async def job_of(world: World, job: str) -> ClosingJob:
    async with world.database.connect() as connection:
        return await requests.fetch(connection, job)


async def assert_closed_once(world: World, job: str) -> None:
    """One set of postings, one set of statements, one round, and one file for each payer."""
    done = await job_of(world, job)
    assert (done.status, done.is_new, done.failure) == ("done", True, None)
    assert [each.step for each in done.steps] == STEPS
    assert await count(world, closings) == await count(world, netting_rounds) == 1
    # The line's posting, and one for each party but the operator that the round turned.
    assert await count(world, postings) == 2
    assert await count(world, obligations) == 3
    assert set(done.statements) == {world.operator, world.bank, world.partner}
    assert await count(world, statements) == 3
    held = await statement(world, done, world.operator)
    assert verify(to_document(held), RecordsFolder(world.records)).difference is None
    async with world.database.connect() as connection:
        rows = await connection.execute(select(payments.c.amount_minor))
        assert sorted(rows.scalars()) == [375, 1_050]
        assert await connection.scalar(select(func.sum(entries.c.amount_minor))) == 0
        (message,) = await pain001.issued_for(connection, str(done.round))
        assert await connection.scalar(select(closing_jobs.c.draft)) is None
    (file,) = world.outbox.iterdir()
    assert file.read_bytes() == message
    assert file.stem == pain001.key_of(message)
    owed = {name: held[0].amount_minor for name, held in (await balances(world)).items()}
    assert owed[f"receivable:{world.partner}"] == 1_425
    assert owed[f"payable:{world.bank}"] == -1_050


@pytest.fixture
def running(world: World, database_url: str) -> Iterator[Workers]:
    lake, outbox = world.lake.root, world.outbox
    running = Workers("closing-worker", closing_worker.work, database_url, lake, outbox)
    yield running
    running.end()


async def test_one_of_two_workers_is_killed_at_every_step(
    world: World, database_url: str, running: Workers
) -> None:
    await traded(world)
    with gates(database_url, STEPS) as gate:
        job = await ask(world)
        running.start()
        running.start()
        for number in range(1, len(STEPS) + 1):
            victim = await waiting_at(gate, number)
            running.kill(victim)
            open_gate(gate, number)
            running.start()
        while (await job_of(world, job)).status == "open":
            await asyncio.sleep(0.05)
    await assert_closed_once(world, job)


class CrashError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("seed", range(4))
async def test_crashes_at_random_statements_change_nothing(world: World, seed: int) -> None:
    await traded(world)
    job = await ask(world)
    random = Random(seed)
    left = crashes = 0

    def die_in_time(*_: Any) -> None:
        nonlocal left, crashes
        left -= 1
        if left == 0:
            crashes += 1
            raise CrashError

    engine = world.database.engine.sync_engine
    works = world.works  # one process, which holds on to drafts that were never committed
    event.listen(engine, "before_cursor_execute", die_in_time)
    while (await job_of(world, job)).status == "open":
        left = random.randint(4, 40)
        with suppress(CrashError):
            await runner.tend(works)
        left = 0
    event.remove(engine, "before_cursor_execute", die_in_time)
    assert crashes > 0
    await assert_closed_once(world, job)


@contextmanager
def failing(world: World, step: str, error: Exception) -> Iterator[None]:
    """A step cannot say that it is done: all steps before it are."""

    def fail(*told: Any) -> None:
        if told[2].startswith("INSERT INTO job_steps") and step in told[3].values():
            raise error

    engine = world.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", fail)


async def test_a_job_with_a_step_behind_it_is_finished_whatever_refused_it(world: World) -> None:
    await traded(world)
    job = await ask(world)
    with failing(world, "posted", Refusal(CONFLICT)):
        stuck = await runner.tend(world.works)
    assert isinstance(stuck[job], Refusal)
    held = await job_of(world, job)
    assert (held.status, held.failure) == ("open", None)
    async with world.database.connect() as connection:
        failed = audit_entries.c.event == "closing.failed"
        assert (await connection.execute(select(audit_entries).where(failed))).first() is None
    assert await runner.tend(world.works) == {}
    await assert_closed_once(world, job)


async def test_what_was_paid_before_its_message_was_written_needs_none(world: World) -> None:
    await traded(world)
    job = await ask(world)
    with failing(world, "instructed", CrashError()):
        await runner.tend(world.works)
    settled = (await job_of(world, job)).round
    async with world.database.unit(world.actor(world.operator)) as unit:
        for payment in (await rounds.fetch(unit.connection, str(settled))).payments:
            await rounds.receive(unit, payment.id)
    assert await runner.tend(world.works) == {}
    done = await job_of(world, job)
    assert (done.status, [each.step for each in done.steps]) == ("done", STEPS)
    assert not world.outbox.exists()


async def test_a_job_stays_with_the_release_that_began_it(world: World) -> None:
    await traded(world)
    job = await ask(world)
    new = replace(world.works, release="two")
    async with world.database.engine.begin() as connection:
        await connection.execute(update(jobs).values(slot=9, release="one"))
    await runner.tend(new)
    assert (await job_of(world, job)).steps == []
    async with world.database.unit(world.actor(world.operator)) as unit:
        await requests.move(unit, job)
    await runner.tend(new)
    assert (await job_of(world, job)).release == "two"
    await assert_closed_once(world, job)


async def test_a_job_whose_worker_lives_is_neither_taken_over_nor_moved(world: World) -> None:
    await traded(world)
    job = await ask(world)
    async with holding(world.database) as slots:
        async with world.database.engine.begin() as connection:
            mine = {"slot": slots.own, "release": world.works.release}
            await connection.execute(update(jobs).values(mine))
        await runner.tend(world.works)
        assert (await job_of(world, job)).steps == []
        async with world.database.unit(world.actor(world.operator)) as unit:
            await refused(ILLEGAL_STATE, requests.move(unit, job))
    await runner.tend(world.works)
    await assert_closed_once(world, job)
    async with world.database.unit(world.actor(world.operator)) as unit:
        await refused(ILLEGAL_STATE, requests.move(unit, job))
        await refused(NOT_FOUND, requests.move(unit, "job_of_nobody"))


async def test_asking_twice_is_asking_once_and_another_has_to_wait(world: World) -> None:
    await traded(world)
    job = await ask(world)
    assert await ask(world) == job
    async with world.database.unit(world.actor(world.operator)) as unit:
        other = requests.request(unit, period="2026-01", currency="CNY")
        await refused(CONFLICT, other)
        opening = reopenings.reopen(unit, period=world.period, currency="CNY", reason="why not")
        await refused(ILLEGAL_STATE, opening)
    async with world.database.unit(world.actor(world.bank)) as unit:
        await refused(FORBIDDEN, requests.request(unit, period="2026-01", currency="CNY"))


async def test_a_closing_waits_for_the_lake_and_holds_up_no_other(world: World) -> None:
    await traded(world)
    job = await ask(world)
    async with world.database.unit(world.actor(world.operator)) as unit:
        other = await requests.request(unit, period="2026-01", currency="USD")
    (file,) = await world.files()
    stored, hidden = Path(world.lake.root) / file, world.records.parent / "hidden"
    stored.rename(hidden)
    assert isinstance((await runner.tend(world.works))[job], duckdb.IOException)
    assert (await job_of(world, job)).status == "open"
    assert (await job_of(world, other)).status == "done"
    with pytest.raises(duckdb.IOException):
        await requests.close(
            world.works,
            world.actor(world.operator),
            period=world.period,
            currency="CNY",
            settle=True,
        )
    hidden.rename(stored)
    assert await runner.tend(world.works) == {}
    assert (await job_of(world, job)).status == "done"
    assert len(list(world.outbox.iterdir())) == 1


async def test_a_closing_the_lake_lacks_records_for_fails_and_says_why(world: World) -> None:
    await traded(world)
    job = await ask(world)
    async with world.database.engine.begin() as connection:
        await connection.execute(update(segments).values(records=segments.c.records + 1))
    await runner.tend(world.works)
    failed = await job_of(world, job)
    assert (failed.status, failed.failure, failed.steps) == ("failed", "illegal_state", [])
    assert await count(world, closings) == 0
    await refused(ILLEGAL_STATE, close(world, world.period))


async def test_a_settling_with_nothing_new_nets_what_is_open(world: World) -> None:
    await traded(world)
    closed = await close(world, world.period)
    job = await ask(world)
    await runner.tend(world.works)
    again = await job_of(world, job)
    assert (again.closing, again.is_new) == (closed.closing, False)
    assert again.round is not None
    assert len(list(world.outbox.iterdir())) == 1


async def test_a_month_is_asked_for_once_a_day_after_its_end(world: World) -> None:
    assert schedule.month_due(datetime(2026, 12, 1, 23, 59, tzinfo=UTC)) == "2026-10"
    assert schedule.month_due(datetime(2026, 12, 2, 0, 0, tzinfo=UTC)) == "2026-11"
    assert len(await schedule.request_due(world.database, ["CNY", "USD"])) == 2
    assert await schedule.request_due(world.database, ["CNY", "USD"]) == []
    await runner.tend(world.works)
    assert await schedule.request_due(world.database, ["CNY"]) == []
    async with world.database.connect() as connection:
        assert {each.status for each in await requests.list_page(connection)} == {"done"}
        assert await connection.scalar(select(func.count()).select_from(job_steps)) == 8


async def test_one_currency_that_cannot_be_closed_by_itself_keeps_no_other(world: World) -> None:
    month = parse_period(schedule.month_due(world.database.clock.now()))
    await close(world, interval(month.since, month.since + timedelta(days=7)))
    (asked,) = await schedule.request_due(world.database, ["CNY", "USD"])
    assert (await job_of(world, asked)).currency == "USD"


def test_a_message_is_handed_over_once(folder: Path) -> None:
    assert hand_over(folder / "out", "pay_1", b"message")
    assert not hand_over(folder / "out", "pay_1", b"message")
    with pytest.raises(ValueError, match="another message"):
        hand_over(folder / "out", "pay_1", b"another")
    assert [each.name for each in (folder / "out").iterdir()] == ["pay_1.xml"]
    assert (folder / "out" / "pay_1.xml").read_bytes() == b"message"
