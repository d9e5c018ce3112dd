"""Re-opening of a closed period: its postings and debts are reversed, and nothing is edited.

The period's closings and statements stay as they are and no longer count: each posting gets its
mirror image and each debt its opposite, so that the next round settles the payments already made.
Closing the period again makes the next version of its statements. Credits that were granted on its
lines stay granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.kernel import inputs
from weir.kernel.declares import FORBIDDEN, ILLEGAL_STATE, PAGE_ROWS
from weir.kernel.money import MINOR_DIGITS
from weir.kernel.outcomes import Refusal
from weir.ledger import books
from weir.metering.lake.retention import keep_still
from weir.metering.tables import expiries, segments
from weir.settlement.closing.requests import is_under_way
from weir.settlement.declares import CLOSING_LOCK, REASON_CHARACTERS
from weir.settlement.payment import rounds
from weir.settlement.payment_tables import disputes, obligations
from weir.settlement.periods.periods import Period, parse_period
from weir.settlement.tables import closings, reopenings, statements
from weir.store.locks import hold
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Reopening:
    """A re-opened period, and the identifiers of its closings that no longer count."""

    id: str
    period: str
    currency: str
    reason: str
    closings: list[str]
    reversed_postings: int
    reopened_at: datetime
    reopened_by: str


async def reopen(unit: UnitOfWork, *, period: str, currency: str, reason: str) -> Reopening:
    """Re-open a closed period. Only the operator may, and it must give a reason.

    Refusals: FORBIDDEN, INVALID_INPUT, ILLEGAL_STATE when the period is not closed, a period of the
    currency is being closed, a dispute over one of its lines is open, or records of it have
    expired, so that it could not be closed again.
    """
    wanted = parse_period(period)
    inputs.choice(currency, MINOR_DIGITS, "/currency")
    why = inputs.text(reason, "/reason", REASON_CHARACTERS)
    if unit.actor.organisation != await operator_of(unit.connection):
        raise Refusal(FORBIDDEN, "only the operator re-opens periods")
    await hold(unit.connection, CLOSING_LOCK, currency)
    if await is_under_way(unit.connection, currency):
        raise Refusal(ILLEGAL_STATE, "a period of this currency is being closed", state="closing")
    # Its debts may be converted to any currency by now, so rounds of every currency must wait.
    await rounds.lock(unit.connection, MINOR_DIGITS)
    await keep_still(unit.connection)
    closed = await _closed(unit.connection, wanted, currency)
    reopening = Reopening(
        id=unit.mint("rop"),
        period=wanted.name,
        currency=currency,
        reason=why,
        closings=[row.id for row in closed],
        reversed_postings=await _reverse(unit, [row.id for row in closed], why),
        reopened_at=unit.now,
        reopened_by=unit.actor.subject,
    )
    await _write(unit, reopening)
    await _audit(unit, reopening)
    return reopening


async def listed(connection: AsyncConnection) -> list[Reopening]:
    """The newest re-openings, newest first."""
    rows = await connection.execute(
        select(reopenings).order_by(reopenings.c.id.desc()).limit(PAGE_ROWS)
    )
    return [Reopening(**row._mapping) for row in rows]


async def _closed(connection: AsyncConnection, period: Period, currency: str) -> list[Row[Any]]:
    """Return the identifiers of the period's closings, locked, after the checks of `reopen`."""
    rows = await connection.execute(
        select(closings.c.id)
        .where(closings.c.since == period.since, closings.c.until == period.until)
        .where(closings.c.currency == currency, closings.c.reopening.is_(None))
        .order_by(closings.c.supplement)
        .with_for_update()  # opening a dispute locks the same row
    )
    found = list(rows.all())
    if not found:
        raise Refusal(ILLEGAL_STATE, "the period is not closed", state="open")
    held = exists().where(
        disputes.c.closing.in_([row.id for row in found]), disputes.c.status == "open"
    )
    if await connection.scalar(select(held)):
        raise Refusal(ILLEGAL_STATE, "a line of the period is disputed", state="disputed")
    if await _has_expired(connection, period):
        raise Refusal(ILLEGAL_STATE, "records of the period have expired", state="expired")
    return found


async def _has_expired(connection: AsyncConnection, period: Period) -> bool:
    """Whether any segment that a closing of the period would count has expired records.

    Segments are counted whole, so the first and the last may reach into hours beside the period.
    """
    found = await connection.execute(
        select(func.min(segments.c.first_at), func.max(segments.c.last_at)).where(
            segments.c.first_at < period.until, segments.c.last_at >= period.since
        )
    )
    first, last = found.one()
    if first is None:
        return False
    gone = exists().where(
        expiries.c.hour > first - timedelta(hours=1),
        expiries.c.hour <= last,
        expiries.c.document["records"].as_integer() > 0,
    )
    return bool(await connection.scalar(select(gone)))


async def _reverse(unit: UnitOfWork, closed: list[str], reason: str) -> int:
    """Mirror the postings and debts of the closings; return the number of postings."""
    turned = 0
    for closing in closed:
        turned += await books.reverse_all(unit, f"{closing}/", reason)
    rows = await unit.connection.execute(
        select(obligations)
        .where(obligations.c.closing.in_(closed), obligations.c.credit.is_(None))
        .order_by(obligations.c.id)
    )
    turned_around = [
        {**row._mapping, "id": unit.mint("obl"), "amount_minor": -row.amount_minor}
        | {"round": None, "rate": None}
        for row in rows
    ]
    if turned_around:
        await unit.connection.execute(insert(obligations), turned_around)
    return turned


async def _write(unit: UnitOfWork, reopening: Reopening) -> None:
    row = {name: getattr(reopening, name) for name in Reopening.__slots__}
    await unit.connection.execute(insert(reopenings).values(row))
    await unit.connection.execute(
        update(closings).where(closings.c.id.in_(reopening.closings)).values(reopening=reopening.id)
    )


async def _audit(unit: UnitOfWork, reopening: Reopening) -> None:
    """Record the re-opening and its reason in the audit chain of each party with a statement."""
    parties = await unit.connection.execute(
        select(statements.c.party).distinct().where(statements.c.closing.in_(reopening.closings))
    )
    detail = {
        "period": reopening.period,
        "currency": reopening.currency,
        "reason": reopening.reason,
        "closings": reopening.closings,
    }
    for party in sorted({unit.actor.organisation, *parties.scalars()}):
        unit.audit("period.reopened", reopening.id, detail, organisation=party)
