"""Requested closings: requesting one as a job, its period and its results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.jobs import jobs, runner
from weir.jobs.jobs import Job, Status, StepDone
from weir.jobs.runner import Works
from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, FORBIDDEN
from weir.kernel.money import MINOR_DIGITS
from weir.kernel.outcomes import Refusal
from weir.settlement.declares import CLOSING_LOCK
from weir.settlement.job_tables import closing_jobs
from weir.settlement.periods.periods import Period, parse_period
from weir.settlement.tables import closings, statements
from weir.store.locks import hold
from weir.store.unit import Actor, UnitOfWork

KIND: Final = "closing"  # of job; its subject is the currency

# The steps of a job, in order. SETTLING_STEPS follow only where the request said `settle`.
CLOSING_STEPS: Final = ("rated", "posted", "stated", "owed")
SETTLING_STEPS: Final = ("netted", "instructed", "handed_over")


@dataclass(frozen=True, slots=True)
class ClosingJob:
    """A requested closing.

    `closing`, with its `version`, `supplement` and statements (identifiers by party), is set once
    the job is done; `is_new` is False when there was nothing to add to the previous closing.
    `round` is the netting round of a job that settles too. `failure` is the refusal's code of a
    failed job.
    """

    job: str
    period: str
    currency: str
    settle: bool
    status: Status
    steps: list[StepDone]
    to_do: list[str]
    slot: int | None
    release: str | None
    requested_at: datetime
    ended_at: datetime | None
    failure: str | None
    closing: str | None
    version: int | None
    supplement: int | None
    statements: dict[str, str]
    is_new: bool | None
    round: str | None


async def request(unit: UnitOfWork, *, period: str, currency: str, settle: bool = False) -> str:
    """Request a closing; return its job's identifier, or that of the same closing under way.

    Only the operator may. Refusals: INVALID_INPUT, FORBIDDEN, CONFLICT when another period of the
    currency overlaps this one or is being closed.
    """
    wanted = parse_period(period)
    inputs.choice(currency, MINOR_DIGITS, "/currency")
    if unit.actor.organisation != await operator_of(unit.connection):
        raise Refusal(FORBIDDEN, "only the operator closes periods")
    await hold(unit.connection, CLOSING_LOCK, currency)
    under_way = await _under_way(unit.connection, currency)
    if under_way is not None:
        if (under_way.period, under_way.settle) == (wanted.name, settle):
            return str(under_way.id)
        raise Refusal(CONFLICT, "another closing of this currency is under way", period=wanted.name)
    await earlier_closings(unit.connection, wanted, currency)
    job = await jobs.request(unit, kind=KIND, subject=currency, steps=all_steps(settle))
    asked = {"period": wanted.name, "currency": currency, "settle": settle}
    await unit.connection.execute(insert(closing_jobs).values(id=job, **asked))
    unit.audit("closing.requested", job, asked)
    return job


async def close(
    works: Works, actor: Actor, *, period: str, currency: str, settle: bool = False
) -> ClosingJob:
    """Request a closing and wait for its end, doing its steps here unless another worker does.

    Refusals: as for `request`, and the refusal of a failed step. Any other error of a step is
    raised too; then the job stays open, and a worker continues it.
    """
    async with works.database.unit(actor) as unit:
        job = await request(unit, period=period, currency=currency, settle=settle)
    await runner.finish(works, job, KIND)
    async with works.database.connect() as connection:
        return await fetch(connection, job)


async def move(unit: UnitOfWork, job: str) -> None:
    """Take a job from the release that began it, so that the running release continues it.

    Refusals: NOT_FOUND; ILLEGAL_STATE when the job is over or its worker is alive.
    """
    began = await jobs.move(unit, job, KIND)
    unit.audit("closing.moved", job, {"release": began or ""})


async def failed(unit: UnitOfWork, job: Job, refusal: Refusal) -> None:
    """Record the failure of a job in the audit chain."""
    unit.audit("closing.failed", job.id, {"reason": refusal.outcome.code})


async def fetch(connection: AsyncConnection, job: str) -> ClosingJob:
    """Return one job. NOT_FOUND when there is none."""
    (one,) = await _closing_jobs(connection, [await jobs.fetch(connection, job, KIND)])
    return one


async def list_page(connection: AsyncConnection, before: str | None = None) -> list[ClosingJob]:
    """Return jobs, newest first, a page at a time; `before` is the last identifier seen."""
    return await _closing_jobs(connection, await jobs.list_page(connection, KIND, before))


async def is_under_way(connection: AsyncConnection, currency: str) -> bool:
    """Whether a period of a currency is being closed."""
    return await jobs.find_open(connection, KIND, currency) is not None


async def earlier_closings(
    connection: AsyncConnection, period: Period, currency: str
) -> Sequence[Row[Any]]:
    """Return the closings of exactly this period, oldest first, without re-opened ones.

    CONFLICT when another closed period of the currency overlaps it.
    """
    overlapping = await connection.execute(
        select(closings)
        .where(closings.c.currency == currency, closings.c.reopening.is_(None))
        .where(closings.c.since < period.until, closings.c.until > period.since)
        .order_by(closings.c.supplement)
    )
    found = overlapping.all()
    if any((row.since, row.until) != (period.since, period.until) for row in found):
        raise Refusal(CONFLICT, "a closed period of this currency overlaps", period=period.name)
    return found


def all_steps(settle: bool) -> list[str]:
    """Return the names of all steps of a job, in order."""
    return [*CLOSING_STEPS, *(SETTLING_STEPS if settle else ())]


async def is_settled_on(connection: AsyncConnection, period: str, currency: str) -> bool:
    """Whether this period was closed or requested, or any closing of the currency is under way."""
    if await is_under_way(connection, currency):
        return True
    asked = exists().where(closing_jobs.c.currency == currency, closing_jobs.c.period == period)
    closed = exists().where(closings.c.period == period, closings.c.currency == currency)
    return bool(await connection.scalar(select(asked | closed)))


# Every column but the draft, which only the steps read.
_SHOWN: Final = [each for each in closing_jobs.c if each.name != "draft"]


async def _under_way(connection: AsyncConnection, currency: str) -> Row[Any] | None:
    """Return the row of the currency's closing that is under way, None when there is none."""
    job = await jobs.find_open(connection, KIND, currency)
    if job is None:
        return None
    return (await connection.execute(select(*_SHOWN).where(closing_jobs.c.id == job))).one()


async def _closing_jobs(connection: AsyncConnection, found: Sequence[Job]) -> list[ClosingJob]:
    """Return the closings that these jobs are, in their order."""
    asked = closing_jobs.c.id.in_([job.id for job in found])
    rows = {each.id: each for each in await connection.execute(select(*_SHOWN).where(asked))}
    closing_of = {job.id: rows[job.id].closing for job in found if job.status == "done"}
    made = closings.c.id.in_(set(closing_of.values()))
    closed = {each.id: each for each in await connection.execute(select(closings).where(made))}
    held = await _statements(connection, closed)
    return [
        _closing_job(job, rows[job.id], closed.get(closing_of.get(job.id)), held) for job in found
    ]


async def _statements(
    connection: AsyncConnection, of: Iterable[str]
) -> Mapping[str, dict[str, str]]:
    """Return the identifiers of the closings' statements, by closing and party."""
    rows = await connection.execute(
        select(statements.c.closing, statements.c.party, statements.c.id)
        .where(statements.c.closing.in_(list(of)))
        .order_by(statements.c.party)
    )
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for each in rows:
        found[each.closing][each.party] = each.id
    return found


def _closing_job(
    job: Job, row: Row[Any], made: Row[Any] | None, held: Mapping[str, dict[str, str]]
) -> ClosingJob:
    """Join a job with its own row, the closing it made when it is done, and its statements."""
    return ClosingJob(
        job=job.id,
        period=row.period,
        currency=row.currency,
        settle=row.settle,
        status=job.status,
        steps=job.steps,
        to_do=job.to_do,
        slot=job.slot,
        release=job.release,
        requested_at=job.requested_at,
        ended_at=job.ended_at,
        failure=job.failure,
        closing=made.id if made else None,
        version=made.version if made else None,
        supplement=made.supplement if made else None,
        statements=held.get(made.id, {}) if made else {},
        is_new=row.is_new,
        round=row.round,
    )
