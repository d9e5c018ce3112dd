"""Credits: money given back on a line that was closed. What was closed is never changed.

A credit takes back from everyone with a share in the line what they got of it, in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from weir.kernel import inputs, limits
from weir.kernel.money import Money, allocate
from weir.kernel.outcomes import FORBIDDEN, Refusal
from weir.ledger import books
from weir.ledger.postings import Entry, Posting
from weir.settlement import obligations
from weir.settlement.closing import account_of
from weir.settlement.obligations import LineAt
from weir.settlement.settling_tables import credit_notes
from weir.settlement.settling_tables import obligations as table
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Credit:
    """`amount_minor` given back to the line's partner."""

    id: str
    closing: str
    line: int
    currency: str
    amount_minor: int
    reason: str
    granted_by: str
    granted_at: datetime


async def grant(unit: UnitOfWork, at: LineAt, amount_minor: int, reason: str) -> Credit:
    """Give back part of a line. The institution that served it and the operator may.

    Refusals: FORBIDDEN; INVALID_INPUT when it is more than is left of the line.
    """
    sellers = {share.party for share in at.line.shares if share.role == "member"}
    if unit.actor.organisation not in {*sellers, at.operator}:
        raise Refusal(FORBIDDEN, "only the seller and the operator give credits")
    return await give(unit, at, amount_minor, reason)


async def give(unit: UnitOfWork, at: LineAt, amount_minor: int, reason: str) -> Credit:
    """Book a credit that was decided elsewhere. INVALID_INPUT as `grant`."""
    why = inputs.prose(reason, "/reason", limits.REASON_CHARACTERS)
    await _refuse_too_much(unit, at, amount_minor)
    credit = Credit(
        id=unit.mint("crd"),
        closing=at.closing,
        line=at.number,
        currency=at.currency,
        amount_minor=amount_minor,
        reason=why,
        granted_by=unit.actor.organisation,
        granted_at=unit.now,
    )
    row = {name: getattr(credit, name) for name in Credit.__slots__}
    await unit.connection.execute(insert(credit_notes).values(row))
    given_back = zip(at.line.shares, _parts(at, amount_minor), strict=True)
    parts = [(share.party, -part) for share, part in given_back]
    await books.post(unit, _posting(at, credit, parts))
    rows = obligations.rows_of(
        unit, at.closing, at.number, at.line.partner, parts, at.currency, credit.id
    )
    if rows:
        await unit.connection.execute(insert(table), rows)
    detail = {"closing": at.closing, "line": at.number, "amount_minor": amount_minor}
    for organisation in sorted({at.operator, at.line.partner, *(party for party, _ in parts)}):
        unit.audit("credit.granted", credit.id, detail, organisation=organisation)
    return credit


def _parts(at: LineAt, amount_minor: int) -> list[int]:
    return allocate(amount_minor, [max(0, share.amount_minor) for share in at.line.shares])


async def _refuse_too_much(unit: UnitOfWork, at: LineAt, amount_minor: int) -> None:
    """No more is given back than was charged. The line's debts are locked until the commit."""
    await unit.connection.execute(
        select(table.c.id)
        .where(table.c.closing == at.closing, table.c.line == at.number)
        .with_for_update()
    )
    given = await unit.connection.scalar(
        select(func.coalesce(func.sum(credit_notes.c.amount_minor), 0)).where(
            credit_notes.c.closing == at.closing, credit_notes.c.line == at.number
        )
    )
    left = at.line.gross_minor + at.line.tax_minor - int(given or 0)
    if not 0 < amount_minor <= left:
        raise inputs.wrong(
            "/amount_minor",
            "must be more than nothing and no more than is left of the line",
            "须大于零且不超过该明细行的剩余金额",
        )


def _posting(at: LineAt, credit: Credit, parts: list[tuple[str, int]]) -> Posting:
    debtor = account_of(at.line.partner, "receivable", at.operator)
    entries = [Entry(debtor, Money(-credit.amount_minor, at.currency))]
    for party, amount_minor in parts:
        if amount_minor:
            account = account_of(party, "payable", at.operator)
            entries.append(Entry(account, Money(-amount_minor, at.currency)))
    return Posting(credit.id, f"credit on {at.closing}/{at.number}", tuple(entries))
