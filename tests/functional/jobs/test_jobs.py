"""Jobs of a kind that no room knows: done once, by whoever, and a crash costs at most a step."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import parcel_worker
import pytest
from parcels import (
    KIND,
    SENDER,
    STEPS,
    begins,
    create_tables,
    failing,
    fetch,
    request,
    returned,
    works_of,
    written,
)
from sqlalchemy import update

from step_gates import gates, open_gate, waiting_at
from weir.jobs import jobs, runner, tables
from weir.jobs.slots import holding
from weir.kernel.declares import CONFLICT, ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Outcome, Refusal
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE
from workers import Workers


class CrashError(Exception):
    """The process ends here."""


@pytest.fixture
def begun(folder: Path) -> Path:
    return folder / "begun"


@pytest.fixture(autouse=True)
async def parcels(database: Database) -> None:
    await create_tables(database)


@pytest.fixture
def running(database_url: str, begun: Path) -> Iterator[Workers]:
    running = Workers("parcel-worker", parcel_worker.work, database_url, begun)
    yield running
    running.end()


async def refused(outcome: Outcome, doing: Coroutine[Any, Any, Any]) -> None:
    with pytest.raises(Refusal) as refusal:
        await doing
    assert refusal.value.outcome is outcome


async def assert_done_once(database: Database, job: str) -> None:
    done = await fetch(database, job)
    assert (done.status, done.to_do, done.failure) == ("done", [], None)
    assert done.ended_at is not None
    assert [each.step for each in done.steps] == list(STEPS)
    assert await written(database, job) == list(STEPS)


async def test_one_of_two_workers_is_killed_in_the_midst_of_every_step(
    database: Database, database_url: str, running: Workers, begun: Path
) -> None:
    with gates(database_url, STEPS) as gate:
        job = await request(database, "a vase")
        running.start()
        running.start()
        for number in range(1, len(STEPS) + 1):
            running.kill(await waiting_at(gate, number))
            assert (await fetch(database, job)).to_do == list(STEPS[number - 1 :])
            open_gate(gate, number)
            running.start()
        while (await fetch(database, job)).status == "open":
            await asyncio.sleep(0.05)
    await assert_done_once(database, job)
    # Once by the worker that was killed in it, and once by the one that took over.
    assert begins(begun) == dict.fromkeys(STEPS, 2)


async def test_two_workers_share_many_jobs(database: Database, begun: Path) -> None:
    asked = [await request(database, f"parcel {number}") for number in range(12)]
    works = works_of(database, begun)
    assert await asyncio.gather(*(runner.tend(works) for _ in range(2))) == [{}, {}]
    for job in asked:
        await assert_done_once(database, job)
    assert begins(begun) == dict.fromkeys(STEPS, 12)


async def test_a_job_is_done_in_the_name_of_its_requester(database: Database, begun: Path) -> None:
    job = await request(database, "a vase")
    done = await runner.finish(works_of(database, begun), job, KIND)
    assert (done.id, done.kind, done.subject, done.status) == (job, KIND, "a vase", "done")
    async with database.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT DISTINCT sender FROM parcels")
        assert rows.scalars().all() == [SENDER.subject]


async def test_what_a_step_wrote_is_there_only_with_the_row_that_says_so(
    database: Database, begun: Path
) -> None:
    job = await request(database, "a vase")
    broken = failing(begun, "weighed", CrashError())
    assert isinstance(
        (await runner.tend(works_of(database, begun, weighed=broken)))[job], CrashError
    )
    assert await written(database, job) == ["packed"]
    assert [each.step for each in (await fetch(database, job)).steps] == ["packed"]
    assert await runner.tend(works_of(database, begun)) == {}
    await assert_done_once(database, job)
    assert begins(begun) == {"packed": 1, "weighed": 2, "sent": 1}


async def test_a_job_whose_first_step_is_refused_fails(database: Database, begun: Path) -> None:
    job = await request(database, "a vase")
    works = works_of(database, begun, packed=failing(begun, "packed", Refusal(ILLEGAL_STATE)))
    assert await runner.tend(works) == {}
    failed = await fetch(database, job)
    assert (failed.status, failed.failure) == ("failed", "illegal_state")
    assert (failed.steps, failed.to_do) == ([], [])
    assert failed.ended_at is not None
    assert await written(database, job) == []
    assert await returned(database) == [(job, "illegal_state")]
    again = await request(database, "a vase")
    await refused(ILLEGAL_STATE, runner.finish(works, again, KIND))


async def test_a_job_is_failed_only_along_with_the_consequences(
    database: Database, begun: Path
) -> None:
    job = await request(database, "a vase")
    works = works_of(database, begun, packed=failing(begun, "packed", Refusal(ILLEGAL_STATE)))
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE returns RENAME TO hidden")
    assert list(await runner.tend(works)) == [job]
    assert (await fetch(database, job)).status == "open"
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE hidden RENAME TO returns")
    assert await runner.tend(works) == {}
    assert await returned(database) == [(job, "illegal_state")]


@pytest.mark.parametrize(
    ("step", "outcome"), [("weighed", CONFLICT), ("sent", CONFLICT), ("packed", ENGINE_UNAVAILABLE)]
)
async def test_a_begun_job_is_finished_whatever_refused_it_and_an_outage_is_no_refusal(
    database: Database, begun: Path, step: str, outcome: Outcome
) -> None:
    job = await request(database, "a vase")
    broken = {step: failing(begun, step, Refusal(outcome))}
    stuck = (await runner.tend(works_of(database, begun, **broken)))[job]
    assert isinstance(stuck, Refusal)
    assert stuck.outcome is outcome
    assert ((await fetch(database, job)).status, await returned(database)) == ("open", [])
    assert await runner.tend(works_of(database, begun)) == {}
    await assert_done_once(database, job)


async def test_a_stuck_job_holds_up_no_other(database: Database, begun: Path) -> None:
    asked = [await request(database, each) for each in ("a vase", "an anvil", "a book")]
    heavy = failing(begun, "weighed", CrashError(), subject="an anvil")
    stuck = await runner.tend(works_of(database, begun, weighed=heavy))
    assert list(stuck) == [asked[1]]
    assert [(await fetch(database, job)).status for job in asked] == ["done", "open", "done"]
    with pytest.raises(CrashError):
        await runner.finish(works_of(database, begun, weighed=heavy), asked[1], KIND)
    assert await runner.tend(works_of(database, begun)) == {}
    for job in asked:
        await assert_done_once(database, job)


async def test_a_job_stays_with_its_release_until_it_is_moved(
    database: Database, begun: Path
) -> None:
    job = await request(database, "a vase")
    await runner.tend(works_of(database, begun, weighed=failing(begun, "weighed", CrashError())))
    new = works_of(database, begun, release="two")
    assert await runner.tend(new) == {}
    held = await fetch(database, job)
    assert (held.release, held.to_do) == ("one", ["weighed", "sent"])
    async with database.unit(SENDER) as unit:
        await refused(NOT_FOUND, jobs.move(unit, job, "letter"))
        assert await jobs.move(unit, job, KIND) == "one"
    assert await runner.tend(new) == {}
    await assert_done_once(database, job)
    assert (await fetch(database, job)).release == "two"
    assert begins(begun)["packed"] == 1
    async with database.unit(SENDER) as unit:
        await refused(ILLEGAL_STATE, jobs.move(unit, job, KIND))
        await refused(NOT_FOUND, jobs.move(unit, "job_of_nobody", KIND))


async def test_a_job_whose_worker_lives_is_neither_taken_over_nor_moved(
    database: Database, begun: Path
) -> None:
    job = await request(database, "a vase")
    works = works_of(database, begun)
    async with holding(database) as slots:
        async with database.engine.begin() as connection:
            mine = {"slot": slots.own, "release": works.release}
            await connection.execute(update(tables.jobs).values(mine))
        assert await runner.tend(works) == {}
        assert (await fetch(database, job)).steps == []
        async with database.unit(SENDER) as unit:
            await refused(ILLEGAL_STATE, jobs.move(unit, job, KIND))
    assert await runner.tend(works) == {}
    await assert_done_once(database, job)


async def test_a_job_waits_for_a_worker_that_knows_its_kind_and_all_its_steps(
    database: Database, begun: Path
) -> None:
    stamped = await request(database, "a vase", steps=[*STEPS, "stamped"])
    letter = await request(database, "a vase", kind="letter", steps=["packed"])
    plain = await request(database, "a book")
    works = works_of(database, begun)
    assert await runner.tend(works) == {}
    await assert_done_once(database, plain)
    held = await fetch(database, stamped)
    assert (held.slot, held.release, held.steps) == (None, None, [])
    knowing = works_of(database, begun, stamped=works.steps["packed"])
    assert await runner.tend(knowing) == {}
    assert await written(database, stamped) == [*STEPS, "packed"]
    assert await written(database, letter) == []


async def test_one_job_of_a_kind_about_a_subject_is_open(database: Database, begun: Path) -> None:
    job = await request(database, "a vase")
    await refused(CONFLICT, request(database, "a vase"))
    letter = await request(database, "a vase", kind="letter")
    async with database.connect() as connection:
        assert await jobs.find_open(connection, KIND, "a vase") == job
        assert await jobs.find_open(connection, "letter", "a vase") == letter
    await runner.tend(works_of(database, begun))
    async with database.connect() as connection:
        assert await jobs.find_open(connection, KIND, "a vase") is None
    assert await request(database, "a vase") != job


async def test_jobs_of_a_kind_are_listed_newest_first(database: Database, begun: Path) -> None:
    done = await request(database, "a vase")
    await runner.tend(works_of(database, begun))
    letter = await request(database, "a vase", kind="letter")
    asked = await request(database, "a book")
    async with database.connect() as connection:
        listed = await jobs.list_page(connection, KIND)
        assert [each.id for each in listed] == sorted([done, asked], reverse=True)
        assert {each.id: len(each.to_do) for each in listed} == {done: 0, asked: 3}
        (older,) = await jobs.list_page(connection, KIND, before=max(done, asked))
        assert older.id == min(done, asked)
        await refused(NOT_FOUND, jobs.fetch(connection, letter, KIND))


@pytest.mark.parametrize("steps", [[], ["packed", "packed"]])
async def test_a_job_has_steps_and_each_one_once(database: Database, steps: list[str]) -> None:
    with pytest.raises(AssertionError, match="step"):
        await request(database, "a vase", steps=steps)
