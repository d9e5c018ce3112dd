"""Closing jobs: requesting one, its steps, and its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.jobs.slots import is_held
from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, FORBIDDEN, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.money import MINOR_DIGITS
from weir.kernel.outcomes import Refusal
from weir.settlement.declares import CLOSING_LOCK
from weir.settlement.job_tables import closing_jobs, closing_steps
from weir.settlement.periods.periods import Period, parse_period
from weir.settlement.tables import closings, statements
from weir.store.locks import hold
from weir.store.unit import UnitOfWork

Status = Literal["open", "done", "failed"]

# The steps of a job, in order. SETTLING_STEPS follow only where the request said `settle`.
CLOSING_STEPS: Final = ("rated", "posted", "stated", "owed")
SETTLING_STEPS: Final = ("netted", "instructed", "handed_over")


@dataclass(frozen=True, slots=True)
class StepDone:
    """A finished step of a job; `slot` is the number of the worker slot that did it."""

    step: str
    slot: int
    done_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
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
    under_way = await _open_of(unit.connection, currency)
    if under_way is not None:
        if (under_way.period, under_way.settle) == (wanted.name, settle):
            return str(under_way.id)
        raise Refusal(CONFLICT, "another closing of this currency is under way", period=wanted.name)
    await earlier_closings(unit.connection, wanted, currency)
    job = unit.mint("job")
    await unit.connection.execute(
        insert(closing_jobs).values(
            id=job,
            period=wanted.name,
            currency=currency,
            settle=settle,
            requested_at=unit.now,
            requested_by=unit.actor.organisation,
            requested_as=unit.actor.subject,
            status="open",
        )
    )
    detail = {"period": wanted.name, "currency": currency, "settle": settle}
    unit.audit("closing.requested", job, detail)
    return job


async def move(unit: UnitOfWork, job: str) -> None:
    """Take a job from the release that began it, so that the running release continues it.

    Refusals: NOT_FOUND; ILLEGAL_STATE when the job is over or its worker is alive.
    """
    row = await _locked(unit.connection, job)
    if row is None:
        raise Refusal(NOT_FOUND, f"job {job}")
    if row.status != "open":
        raise Refusal(ILLEGAL_STATE, f"job {job} is over", state=row.status)
    if row.slot is not None and await is_held(unit.connection, row.slot):
        raise Refusal(ILLEGAL_STATE, f"the worker of {job} lives", state="running")
    await unit.connection.execute(
        update(closing_jobs).where(closing_jobs.c.id == job).values(slot=None, release=None)
    )
    unit.audit("closing.moved", job, {"release": row.release or ""})


async def fetch(connection: AsyncConnection, job: str) -> Job:
    """Return one job. NOT_FOUND when there is none."""
    found = await connection.execute(select(*_SHOWN).where(closing_jobs.c.id == job))
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, f"job {job}")
    return await _job(connection, row)


async def listed(connection: AsyncConnection, before: str | None = None) -> list[Job]:
    """Return jobs, newest first, a page at a time; `before` is the last identifier seen."""
    query = select(*_SHOWN)
    if before is not None:
        query = query.where(closing_jobs.c.id < before)
    rows = await connection.execute(query.order_by(closing_jobs.c.id.desc()).limit(PAGE_ROWS))
    return [await _job(connection, row) for row in rows.all()]


async def is_under_way(connection: AsyncConnection, currency: str) -> bool:
    """Whether a period of a currency is being closed."""
    return await _open_of(connection, currency) is not None


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


async def steps_of(connection: AsyncConnection, job: str) -> list[StepDone]:
    """Return the finished steps of a job, in the order of the steps."""
    rows = await connection.execute(
        select(closing_steps.c.step, closing_steps.c.slot, closing_steps.c.done_at).where(
            closing_steps.c.job == job
        )
    )
    order = [*CLOSING_STEPS, *SETTLING_STEPS]
    return sorted((StepDone(*row) for row in rows), key=lambda each: order.index(each.step))


def all_steps(settle: bool) -> list[str]:
    """Return the names of all steps of a job, in order."""
    return [*CLOSING_STEPS, *(SETTLING_STEPS if settle else ())]


async def is_settled_on(connection: AsyncConnection, period: str, currency: str) -> bool:
    """Whether this period was closed or requested, or any closing of the currency is under way."""
    asked = exists().where(
        closing_jobs.c.currency == currency,
        (closing_jobs.c.period == period) | (closing_jobs.c.status == "open"),
    )
    closed = exists().where(closings.c.period == period, closings.c.currency == currency)
    return bool(await connection.scalar(select(asked | closed)))


# Every column but the draft, which only the runner reads.
_SHOWN: Final = [each for each in closing_jobs.c if each.name != "draft"]


async def _open_of(connection: AsyncConnection, currency: str) -> Row[Any] | None:
    """Return the row of the currency's closing that is under way, None when there is none."""
    found = await connection.execute(
        select(*_SHOWN)
        .where(closing_jobs.c.currency == currency)
        .where(closing_jobs.c.status == "open")
    )
    return found.one_or_none()


async def _locked(connection: AsyncConnection, job: str) -> Row[Any] | None:
    found = await connection.execute(
        select(*_SHOWN).where(closing_jobs.c.id == job).with_for_update()
    )
    return found.one_or_none()


async def _job(connection: AsyncConnection, row: Row[Any]) -> Job:
    done = await steps_of(connection, row.id)
    behind = {each.step for each in done}
    left = all_steps(row.settle) if row.status == "open" else []
    made = None
    if row.status == "done":
        made = (
            await connection.execute(select(closings).where(closings.c.id == row.closing))
        ).one()
    held = select(statements.c.party, statements.c.id).where(statements.c.closing == row.closing)
    parties = (await connection.execute(held.order_by(statements.c.party))).all() if made else []
    return Job(
        job=row.id,
        period=row.period,
        currency=row.currency,
        settle=row.settle,
        status=row.status,
        steps=done,
        to_do=[step for step in left if step not in behind],
        slot=row.slot,
        release=row.release,
        requested_at=row.requested_at,
        ended_at=row.ended_at,
        failure=row.failure,
        closing=made.id if made else None,
        version=made.version if made else None,
        supplement=made.supplement if made else None,
        statements={each.party: each.id for each in parties},
        is_new=row.is_new,
        round=row.round,
    )
