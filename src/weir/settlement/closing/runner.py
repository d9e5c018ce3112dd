"""Runner of closing jobs: claims jobs and does their steps; a crash costs at most one step.

Each step commits together with the row that records it as done, while the job's row is locked: a
step is done once, whichever worker does it and however often it was begun. Slots
(`weir.jobs.slots`) assign a job to one worker, as a rule, and to another one when that worker dies.
Payment messages leave the platform, each under an identifier of its own (`weir.jobs.outbox`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Update, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.jobs.outbox import hand_over
from weir.jobs.slots import Slots, holding
from weir.kernel.declares import CONFLICT, ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.kernel.rooms import refusals
from weir.metering.lake.lake import Lake
from weir.settlement.closing import closing, jobs
from weir.settlement.closing.closing import ClosingDraft
from weir.settlement.closing.jobs import Job
from weir.settlement.job_tables import closing_jobs, closing_steps
from weir.settlement.payment import pain001, rounds
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.store.unit import Actor, UnitOfWork


@dataclass(frozen=True, slots=True)
class Works:
    """Dependencies of the runner.

    `outbox` is the folder that payment messages are handed over in, `release` the platform's
    release that this process runs.
    """

    database: Database
    lake: Lake
    outbox: Path
    release: str


@dataclass(slots=True)
class _At:
    """A step in its transaction: the job's row, and its draft if the period was rated."""

    works: Works
    unit: UnitOfWork
    row: Row[Any]
    draft: ClosingDraft | None


async def close(
    works: Works, actor: Actor, *, period: str, currency: str, settle: bool = False
) -> Job:
    """Request a closing and wait for its end, doing its steps here unless another worker does.

    Refusals: as for `jobs.request`, and the refusal of a failed step. Any other error of a step is
    raised too; then the job stays open, and a worker continues it.
    """
    async with works.database.unit(actor) as unit:
        asked = await jobs.request(unit, period=period, currency=currency, settle=settle)
    while True:
        stuck = await tend(works)
        if asked in stuck:
            raise stuck[asked]
        async with works.database.connect() as connection:
            job = await jobs.fetch(connection, asked)
        if job.status != "open":
            break
        await asyncio.sleep(0.05)
    if job.failure is not None:
        raise Refusal(refusals()[job.failure], f"job {asked} failed")
    return job


async def tend(works: Works) -> dict[str, Exception]:
    """Run every open job that has no live worker; return the errors of stuck jobs, by job.

    Any process may call this, as often as wanted. A job that another release began is left to that
    release (`jobs.move` changes this). A job stopped by an error stays open and does not hold up
    the others.
    """
    async with works.database.connect() as connection:
        if not await connection.scalar(select(exists().where(closing_jobs.c.status == "open"))):
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


async def _next(works: Works, slots: Slots, stuck: Container[str]) -> tuple[str, Actor] | None:
    """Return the next job and its requester: an unclaimed job, or one of a dead worker.

    Jobs in `stuck` are skipped. None when no job is left.
    """
    async with works.database.engine.begin() as connection:
        claimed = await _claimed(connection, works.release, slots.own)
        rows = await connection.execute(
            select(closing_jobs)
            .where(closing_jobs.c.status == "open", closing_jobs.c.release == works.release)
            .where(closing_jobs.c.slot.is_not(None))
            .order_by(closing_jobs.c.id)
        )
        found = rows.all()
    for row in found:
        if row.id in stuck:
            continue
        if row.id == claimed or await slots.take_over(row.slot):
            return row.id, Actor(row.requested_by, row.requested_as)
    return None


async def _claimed(connection: AsyncConnection, release: str, slot: int) -> str | None:
    """Claim the oldest unclaimed job for this slot; return its identifier, None without one."""
    unclaimed = (
        select(closing_jobs.c.id)
        .where(closing_jobs.c.status == "open", closing_jobs.c.slot.is_(None))
        .order_by(closing_jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed: str | None = await connection.scalar(
        update(closing_jobs)
        .where(closing_jobs.c.id == unclaimed)
        .values(slot=slot, release=release)
        .returning(closing_jobs.c.id)
    )
    return claimed


async def _work(works: Works, slots: Slots, job: str, actor: Actor) -> None:
    """Do a job's steps one after another until it is over or another worker holds it."""
    draft: ClosingDraft | None = None
    try:
        while True:
            await slots.still_held()
            async with works.database.unit(actor) as unit:
                row = await _ours(unit.connection, job, works.release, slots)
                if row is None:
                    return
                at = _At(works, unit, row, draft or (row.draft and ClosingDraft.decode(row.draft)))
                await _step(at)
                draft = at.draft
    except Refusal as refusal:
        refused = refusal.outcome is not ENGINE_UNAVAILABLE
        if not (refused and await _failed(works, slots, job, actor, refusal)):
            raise


async def _ours(
    connection: AsyncConnection, job: str, release: str, slots: Slots
) -> Row[Any] | None:
    """Return the job's row, locked, if the job is open and a slot of this worker holds it."""
    found = await connection.execute(
        select(closing_jobs)
        .where(closing_jobs.c.id == job, closing_jobs.c.status == "open")
        .where(closing_jobs.c.release == release, closing_jobs.c.slot.in_(slots.held))
        .with_for_update()
    )
    return found.one_or_none()


async def _step(at: _At) -> None:
    """Do the job's next step and record it as done; after the last step, end the job."""
    behind = {each.step for each in await jobs.steps_of(at.unit.connection, at.row.id)}
    ahead = [step for step in jobs.all_steps(at.row.settle) if step not in behind]
    learned = dict(await _DOING[ahead[0]](at))
    if len(ahead) == 1:
        learned |= {"status": "done", "draft": None, "ended_at": at.unit.now}
    await at.unit.connection.execute(
        insert(closing_steps).values(
            job=at.row.id, step=ahead[0], slot=at.row.slot, done_at=at.unit.now
        )
    )
    if learned:
        await at.unit.connection.execute(_change(at.row.id, learned))


def _change(job: str, values: Mapping[str, Any]) -> Update:
    mine: ColumnElement[bool] = closing_jobs.c.id == job
    return update(closing_jobs).where(mine).values(values)


async def _failed(works: Works, slots: Slots, job: str, actor: Actor, refusal: Refusal) -> bool:
    """End a refused job as failed; False when this worker no longer holds it.

    Only the first step, counting and pricing, can be refused, and it has written nothing then. A
    job with a finished step is never given up: its writes have to be completed.
    """
    begun = exists().where(closing_steps.c.job == closing_jobs.c.id)
    async with works.database.unit(actor) as unit:
        over = {"status": "failed", "failure": refusal.outcome.code, "ended_at": unit.now}
        ended = await unit.connection.execute(
            _change(job, over)
            .where(closing_jobs.c.status == "open", closing_jobs.c.slot.in_(slots.held), ~begun)
            .returning(closing_jobs.c.id)
        )
        if ended.one_or_none() is None:
            return False
        unit.audit("closing.failed", job, {"reason": refusal.outcome.code})
        return True


async def _rated(at: _At) -> dict[str, Any]:
    """Count and price the period; return the values of the job's row that this sets."""
    made = await closing.rate(at.unit, at.works.lake, at.row.period, at.row.currency)
    if isinstance(made, str):
        return {"closing": made, "is_new": False}
    at.draft = made
    return {"closing": made.closing, "is_new": True, "draft": made.encoded()}


def _drafted(
    write: Callable[[UnitOfWork, ClosingDraft], Awaitable[None]],
) -> Callable[[_At], Awaitable[dict[str, Any]]]:
    """Make a step of `write`; the step does nothing when the job has no draft."""

    async def step(at: _At) -> dict[str, Any]:
        if at.draft is not None:
            await write(at.unit, at.draft)
        return {}

    return step


async def _netted(at: _At) -> dict[str, Any]:
    """Net all open debts of the currency, also debts of earlier closings."""
    try:
        settled = await rounds.settle(at.unit, at.row.currency)
    except Refusal as refusal:
        if refusal.outcome is not ILLEGAL_STATE:  # no debt is open
            raise
        return {}
    return {"round": settled.id}


async def _instructed(at: _At) -> dict[str, Any]:
    """Issue a payment message for each debtor, if all parties concerned have named accounts.

    Other debtors request theirs later. Payments received since the round was settled are left out.
    """
    if at.row.round is not None:
        settled = await rounds.fetch(at.unit.connection, at.row.round)
        owing = {each.debtor for each in settled.payments if each.status == "instructed"}
        for debtor in sorted(owing):
            try:
                await pain001.issue(at.unit, settled, debtor)
            except Refusal as refusal:
                if refusal.outcome is not CONFLICT:
                    raise
    return {}


async def _handed_over(at: _At) -> dict[str, Any]:
    """Hand the round's payment messages over to the outbox."""
    if at.row.round is not None:
        for message in await pain001.issued_for(at.unit.connection, at.row.round):
            key = pain001.key_of(message)
            await asyncio.to_thread(hand_over, at.works.outbox, key, message)
    return {}


# Each step returns the values to set in the job's row, by column.
_DOING: Final[Mapping[str, Callable[[_At], Awaitable[dict[str, Any]]]]] = {
    "rated": _rated,
    "posted": _drafted(closing.post),
    "stated": _drafted(closing.state),
    "owed": _drafted(closing.owe),
    "netted": _netted,
    "instructed": _instructed,
    "handed_over": _handed_over,
}
