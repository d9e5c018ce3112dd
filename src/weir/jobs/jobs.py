"""Jobs: requesting one, reading its state, and moving it to another release.

A job is of a kind, is about a subject, and has steps, which are known here by name only. The room
that owns the kind keeps everything else in a table of its own, under the job's identifier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.jobs.slots import is_held
from weir.jobs.tables import job_steps, jobs
from weir.kernel.declares import CONFLICT, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.store.unit import UnitOfWork

Status = Literal["open", "done", "failed"]


@dataclass(frozen=True, slots=True)
class StepDone:
    """A finished step of a job; `slot` is the number of the worker slot that did it."""

    step: str
    slot: int
    done_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """A requested job: its finished steps, and the names of the steps to do while it is open.

    `slot` is the worker slot that holds the job, `release` that worker's release; None until a
    worker claims it. `failure` is the refusal's code of a failed job.
    """

    id: str
    kind: str
    subject: str
    status: Status
    steps: list[StepDone]
    to_do: list[str]
    slot: int | None
    release: str | None
    requested_at: datetime
    ended_at: datetime | None
    failure: str | None


async def request(unit: UnitOfWork, *, kind: str, subject: str, steps: Sequence[str]) -> str:
    """Request a job with these steps, in order; return its identifier.

    CONFLICT while another job of this kind about this subject is open.
    """
    assert steps, "a job has steps"
    assert len(set(steps)) == len(steps), "a step is done once in a job"
    requested = await unit.connection.execute(
        insert(jobs)
        .values(
            id=unit.mint("job"),
            kind=kind,
            subject=subject,
            steps=list(steps),
            requested_at=unit.now,
            requested_by=unit.actor.organisation,
            requested_as=unit.actor.subject,
            status="open",
        )
        .on_conflict_do_nothing()
        .returning(jobs.c.id)
    )
    job: str | None = requested.scalar_one_or_none()
    if job is None:
        raise Refusal(CONFLICT, f"a job about {subject} is under way", kind=kind)
    return job


async def find_open(connection: AsyncConnection, kind: str, subject: str) -> str | None:
    """Return the identifier of the open job of a kind about a subject, None without one."""
    found: str | None = await connection.scalar(
        select(jobs.c.id)
        .where(jobs.c.kind == kind, jobs.c.subject == subject)
        .where(jobs.c.status == "open")
    )
    return found


async def move(unit: UnitOfWork, job: str, kind: str) -> str | None:
    """Take a job from the release that began it, so that the running release continues it.

    Return the release that began it, None if none did. Refusals: NOT_FOUND; ILLEGAL_STATE when the
    job is over or its worker is alive.
    """
    mine = (jobs.c.id == job) & (jobs.c.kind == kind)
    found = await unit.connection.execute(select(jobs).where(mine).with_for_update())
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, f"job {job}")
    if row.status != "open":
        raise Refusal(ILLEGAL_STATE, f"job {job} is over", state=row.status)
    if row.slot is not None and await is_held(unit.connection, row.slot):
        raise Refusal(ILLEGAL_STATE, f"the worker of {job} lives", state="running")
    await unit.connection.execute(update(jobs).where(mine).values(slot=None, release=None))
    began: str | None = row.release
    return began


async def fetch(connection: AsyncConnection, job: str, kind: str) -> Job:
    """Return one job. NOT_FOUND when there is none of this kind."""
    found = await connection.execute(select(jobs).where(jobs.c.id == job, jobs.c.kind == kind))
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, f"job {job}")
    (one,) = await jobs_of(connection, [row])
    return one


async def list_page(connection: AsyncConnection, kind: str, before: str | None = None) -> list[Job]:
    """Return jobs of a kind, newest first, a page at a time; `before` is the last one seen."""
    query = select(jobs).where(jobs.c.kind == kind)
    if before is not None:
        query = query.where(jobs.c.id < before)
    rows = await connection.execute(query.order_by(jobs.c.id.desc()).limit(PAGE_ROWS))
    return await jobs_of(connection, rows.all())


async def jobs_of(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Job]:
    """Return the jobs of these rows, in their order, with their finished steps."""
    found = await connection.execute(
        select(job_steps).where(job_steps.c.job.in_([row.id for row in rows]))
    )
    done: dict[str, list[StepDone]] = defaultdict(list)
    for each in found:
        done[each.job].append(StepDone(each.step, each.slot, each.done_at))
    return [_job(row, done[row.id]) for row in rows]


def _job(row: Row[Any], done: list[StepDone]) -> Job:
    order: list[str] = row.steps
    behind = {each.step for each in done}
    left = order if row.status == "open" else []
    return Job(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        status=row.status,
        steps=sorted(done, key=lambda each: order.index(each.step)),
        to_do=[step for step in left if step not in behind],
        slot=row.slot,
        release=row.release,
        requested_at=row.requested_at,
        ended_at=row.ended_at,
        failure=row.failure,
    )
