"""Disputes of statement lines; a disputed line is not settled until the operator decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, FORBIDDEN, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.settlement.declares import REASON_CHARACTERS
from weir.settlement.documents import Statement
from weir.settlement.payment_tables import disputes
from weir.settlement.statements import credits
from weir.settlement.statements.line_lookup import line_numbers, statement_of
from weir.settlement.statements.lines import line_key_of
from weir.settlement.statements.obligations import LineAt, is_party
from weir.settlement.tables import closings, statements
from weir.store.unit import UnitOfWork

Status = Literal["open", "upheld", "rejected"]


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute of one line. `credit` is the credit granted when it was upheld."""

    id: str
    closing: str
    line: int
    opened_by: str
    opened_at: datetime
    reason: str
    evidence: str
    status: Status
    resolution: str | None
    resolved_at: datetime | None
    credit: str | None


async def open_dispute(unit: UnitOfWork, at: LineAt, reason: str, evidence: str) -> Dispute:
    """Dispute a line; its debts that are not settled yet are held from now on.

    Refusals: FORBIDDEN when the line does not concern the organisation; ILLEGAL_STATE when its
    period was re-opened; CONFLICT when the line is disputed already, or a dispute of it by this
    party was decided: a decision is final, or a line could be held for ever.
    """
    if not is_party(at, unit.actor.organisation):
        raise Refusal(FORBIDDEN, "not a party to the line")
    await _must_stand(unit, at.closing)
    await _refuse_again(unit, at)
    added = await unit.connection.execute(
        insert(disputes)
        .values(
            id=unit.mint("dsp"),
            closing=at.closing,
            line=at.number,
            opened_by=unit.actor.organisation,
            opened_at=unit.now,
            reason=inputs.text(reason, "/reason", REASON_CHARACTERS),
            evidence=inputs.prose(evidence, "/evidence"),
            status="open",
        )
        .on_conflict_do_nothing()
        .returning(disputes)
    )
    row = added.one_or_none()
    if row is None:
        raise Refusal(CONFLICT, why="the line is disputed already", why_zh="该明细行已有未决争议")
    found = _dispute(row)
    _audit(unit, "dispute.opened", found, at)
    return found


async def _must_stand(unit: UnitOfWork, closing: str) -> None:
    """Refuse a closing that was re-opened: ILLEGAL_STATE.

    A re-opening locks the same row, so the later of the two sees what the earlier has done.
    """
    standing = await unit.connection.scalar(
        select(closings.c.id)
        .where(closings.c.id == closing, closings.c.reopening.is_(None))
        .with_for_update(read=True)
    )
    if standing is None:
        raise Refusal(ILLEGAL_STATE, "the period was opened again", state="reopened")


async def _refuse_again(unit: UnitOfWork, at: LineAt) -> None:
    decided = await unit.connection.scalar(
        select(disputes.c.id)
        .where(disputes.c.closing == at.closing, disputes.c.line == at.number)
        .where(disputes.c.opened_by == unit.actor.organisation, disputes.c.status != "open")
    )
    if decided is not None:
        raise Refusal(
            CONFLICT,
            why="your dispute of this line was decided",
            why_zh="您对该明细行的争议已有裁决",
        )


async def resolve(unit: UnitOfWork, dispute: str, *, resolution: str, amount_minor: int) -> Dispute:
    """Decide a dispute: give back `amount_minor`, or with 0 reject it. Only the operator may.

    Refusals: NOT_FOUND, FORBIDDEN, ILLEGAL_STATE when it is decided already, INVALID_INPUT.
    """
    held = await unit.connection.execute(
        select(disputes).where(disputes.c.id == dispute).with_for_update()
    )
    row = held.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, f"dispute {dispute}")
    operator = await operator_of(unit.connection)
    if unit.actor.organisation != operator:
        raise Refusal(FORBIDDEN, "only the operator decides disputes")
    if row.status != "open":
        raise Refusal(ILLEGAL_STATE, state=row.status)
    at = await _line(unit.connection, row, operator)
    why = inputs.prose(resolution, "/resolution", REASON_CHARACTERS)
    credit = await credits.give(unit, at, amount_minor, why) if amount_minor else None
    changed = await unit.connection.execute(
        update(disputes)
        .where(disputes.c.id == dispute)
        .values(
            status="upheld" if credit else "rejected",
            resolution=why,
            resolved_at=unit.now,
            credit=credit.id if credit else None,
        )
        .returning(disputes)
    )
    found = _dispute(changed.one())
    _audit(unit, "dispute.upheld" if credit else "dispute.rejected", found, at)
    return found


async def of_party(
    connection: AsyncConnection,
    organisation: str,
    operator: str,
    after: str = "",
    status: Status | None = None,
) -> list[Dispute]:
    """Return the disputes an organisation opened, oldest first; the operator gets all.

    A page at a time; `after` is the last identifier seen, and `status` selects one status.
    """
    query = _seen_by(organisation, operator).where(disputes.c.id > after)
    if status is not None:
        query = query.where(disputes.c.status == status)
    rows = await connection.execute(query.limit(PAGE_ROWS))
    return [_dispute(row) for row in rows]


async def of_statement(
    connection: AsyncConnection, statement: Statement, viewer: str, operator: str
) -> dict[int, Dispute]:
    """Return by line number the newest dispute of each line of a statement.

    Only disputes that `viewer` may see are considered.
    """
    closing = select(statements.c.closing).where(statements.c.id == statement.statement)
    query = _seen_by(viewer, operator).where(disputes.c.closing == closing.scalar_subquery())
    rows = list(await connection.execute(query))
    if not rows:
        return {}
    _, whole = await statement_of(connection, rows[0].closing, operator)
    own = line_numbers(statement)
    meant = {own.get(line_key_of(whole.lines[row.line - 1])): _dispute(row) for row in rows}
    return {number: dispute for number, dispute in meant.items() if number is not None}


def _seen_by(viewer: str, operator: str) -> Select[Any]:
    query = select(disputes).order_by(disputes.c.id)
    return query if viewer == operator else query.where(disputes.c.opened_by == viewer)


async def _line(connection: AsyncConnection, row: Row[Any], operator: str) -> LineAt:
    _, read = await statement_of(connection, row.closing, operator)
    return LineAt(row.closing, row.line, read.lines[row.line - 1], read.currency, operator)


def _audit(unit: UnitOfWork, event: str, dispute: Dispute, at: LineAt) -> None:
    """Record the event in the audit chain of each party to the line."""
    detail = {"closing": dispute.closing, "line": dispute.line}
    parties = {at.operator, at.line.partner, *(share.party for share in at.line.shares)}
    for organisation in sorted(parties):
        unit.audit(event, dispute.id, detail, organisation=organisation)


def _dispute(row: Row[Any]) -> Dispute:
    return Dispute(**row._mapping)
