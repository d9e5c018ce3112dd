"""Runner of jobs: claims jobs and does their steps; a crash costs at most one step.

Each step commits together with the row that records it as done, while the job's row is locked: a
step is done once, whichever worker does it and however often it was begun. Slots
(`weir.jobs.slots`) assign a job to one worker, as a rule, and to another one when that worker dies.
Steps are functions that the rooms owning them bring, and are found by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.jobs.jobs import Job, fetch, jobs_of
from weir.jobs.slots import Slots, holding
from weir.jobs.tables import job_steps, jobs
from weir.kernel.outcomes import Refusal
from weir.kernel.rooms import refusals
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.store.unit import Actor, UnitOfWork

# A step writes in the unit it is given, in the requester's name. It may be begun again after a
# crash, so an effect outside the database must be one that a second time does not change.
Step = Callable[[UnitOfWork, Job], Awaitable[None]]
# Writes the consequences of a job's failure, in the unit that ends the job.
Failed = Callable[[UnitOfWork, Job, Refusal], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Works:
    """Dependencies of the runner.

    `steps` are the steps that this process can do, by name, and `failures` the consequences of a
    failure by kind of job. `release` is the platform's release that this process runs.
    """

    database: Database
    steps: Mapping[str, Step]
    failures: Mapping[str, Failed]
    release: str


async def tend(works: Works) -> dict[str, Exception]:
    """Run every open job that has no live worker; return the errors of stuck jobs, by job.

    Any process may call this, as often as wanted. A job that another release began is left to that
    release (`weir.jobs.jobs.move` changes this), and an unclaimed one of an unknown kind or with an
    unknown step to a process that knows it. A job stopped by an error stays open and does not hold
    up the others.
    """
    async with works.database.connect() as connection:
        if not await connection.scalar(select(exists().where(jobs.c.status == "open"))):
            return {}
    stuck: dict[str, Exception] = {}
    async with holding(works.database) as slots:
        while (job := await _next(works, slots, stuck)) is not None:
            try:
                await _work(works, slots, *job)
            except Exception as error:
                await slots.still_held()  # without PostgreSQL no other job can go on either
                stuck[job[0]] = error
    return stuck


async def finish(works: Works, job: str, kind: str) -> Job:
    """Wait for the end of a job, doing its steps here unless another worker does; return it.

    Raise the refusal of a failed job. Any other error of a step is raised too; then the job stays
    open, and a worker continues it.
    """
    while True:
        stuck = await tend(works)
        if job in stuck:
            raise stuck[job]
        async with works.database.connect() as connection:
            found = await fetch(connection, job, kind)
        if found.status != "open":
            break
        await asyncio.sleep(0.05)
    if found.failure is not None:
        raise Refusal(refusals()[found.failure], f"job {job} failed")
    return found


async def _next(works: Works, slots: Slots, stuck: Container[str]) -> tuple[str, Actor] | None:
    """Return the next job and its requester: an unclaimed job, or one of a dead worker.

    Jobs in `stuck` are skipped. None when no job is left.
    """
    async with works.database.engine.begin() as connection:
        claimed = await _claimed(connection, works, slots.own)
        rows = await connection.execute(
            select(jobs.c.id, jobs.c.slot, jobs.c.requested_by, jobs.c.requested_as)
            .where(jobs.c.status == "open", jobs.c.release == works.release)
            .where(jobs.c.slot.is_not(None))
            .order_by(jobs.c.id)
        )
        found = rows.all()
    for row in found:
        if row.id in stuck:
            continue
        if row.id == claimed or await slots.take_over(row.slot):
            return row.id, Actor(row.requested_by, row.requested_as)
    return None


async def _claimed(connection: AsyncConnection, works: Works, slot: int) -> str | None:
    """Claim the oldest unclaimed job for this slot; return its identifier, None without one."""
    unclaimed = (
        select(jobs.c.id)
        .where(jobs.c.status == "open", jobs.c.slot.is_(None))
        .where(jobs.c.kind.in_(list(works.failures)), jobs.c.steps.contained_by(list(works.steps)))
        .order_by(jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed: str | None = await connection.scalar(
        update(jobs)
        .where(jobs.c.id == unclaimed)
        .values(slot=slot, release=works.release)
        .returning(jobs.c.id)
    )
    return claimed


async def _work(works: Works, slots: Slots, job: str, requester: Actor) -> None:
    """Do a job's steps one after another until it is over or another worker holds it."""
    try:
        while await _step(works, slots, job, requester):
            pass
    except Refusal as refusal:
        refused = refusal.outcome is not ENGINE_UNAVAILABLE
        if not (refused and await _failed(works, slots, job, requester, refusal)):
            raise


async def _step(works: Works, slots: Slots, job: str, requester: Actor) -> bool:
    """Do the job's next step and record it as done; after the last step, end the job.

    False, and nothing is done, when the job is over or another worker holds it.
    """
    await slots.still_held()
    async with works.database.unit(requester) as unit:
        held = await _ours(unit.connection, works, slots, job)
        if held is None:
            return False
        step = held.to_do[0]
        await works.steps[step](unit, held)
        done = {"job": job, "step": step, "slot": held.slot, "done_at": unit.now}
        await unit.connection.execute(insert(job_steps).values(done))
        if len(held.to_do) == 1:
            await _end(unit, job, {"status": "done"})
        return True


async def _failed(works: Works, slots: Slots, job: str, requester: Actor, refusal: Refusal) -> bool:
    """End a refused job as failed; False when this worker no longer holds it.

    Only the first step can be refused, and it has written nothing then. A job with a finished step
    is never given up: its writes have to be completed.
    """
    async with works.database.unit(requester) as unit:
        held = await _ours(unit.connection, works, slots, job)
        if held is None or held.steps:
            return False
        await _end(unit, job, {"status": "failed", "failure": refusal.outcome.code})
        await works.failures[held.kind](unit, held, refusal)
        return True


async def _ours(connection: AsyncConnection, works: Works, slots: Slots, job: str) -> Job | None:
    """Return the job, its row locked, if it is open and a slot of this worker holds it."""
    found = await connection.execute(
        select(jobs)
        .where(jobs.c.id == job, jobs.c.status == "open")
        .where(jobs.c.release == works.release, jobs.c.slot.in_(slots.held))
        .with_for_update()
    )
    held = await jobs_of(connection, found.all())
    return held[0] if held else None


async def _end(unit: UnitOfWork, job: str, values: Mapping[str, str]) -> None:
    over = {**values, "ended_at": unit.now}
    await unit.connection.execute(update(jobs).where(jobs.c.id == job).values(over))
