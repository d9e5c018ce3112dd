"""Credits: money given back on a closed line, which itself never changes.

A credit by the operator takes back from each party with a share in the line, in proportion to what
is left of the share; an institution gives back from its own share only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import FORBIDDEN, PAGE_ROWS
from weir.kernel.money import Money, allocate
from weir.kernel.outcomes import Refusal
from weir.ledger import books
from weir.ledger.postings import Entry, Posting
from weir.settlement.declares import REASON_CHARACTERS
from weir.settlement.payment_tables import credit_notes
from weir.settlement.payment_tables import obligations as table
from weir.settlement.statements import obligations
from weir.settlement.statements.obligations import LineAt, account_of
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Credit:
    """An amount given back to a line's partner, in minor units of `currency`."""

    id: str
    closing: str
    line: int
    currency: str
    amount_minor: int
    reason: str
    granted_by: str
    granted_at: datetime


async def grant(unit: UnitOfWork, at: LineAt, amount_minor: int, reason: str) -> Credit:
    """Give back part of a line: the member from its own share, the operator from all shares.

    Refusals: FORBIDDEN for other parties; INVALID_INPUT when the amount is more than is left.
    """
    giver = unit.actor.organisation
    if giver == at.operator:
        return await give(unit, at, amount_minor, reason)
    if not any(share.party == giver and share.role == "member" for share in at.line.shares):
        raise Refusal(FORBIDDEN, "only the seller and the operator give credits")
    _refuse_over(amount_minor, (await _left(unit, at))[giver])
    return await _book(unit, at, amount_minor, reason, [(giver, -amount_minor)])


async def give(unit: UnitOfWork, at: LineAt, amount_minor: int, reason: str) -> Credit:
    """Book a credit that the operator decided on, from each party with a share in the line.

    INVALID_INPUT when the amount is more than is left of the line.
    """
    left = await _left(unit, at)
    _refuse_over(amount_minor, left.total())
    given_back = zip(left, allocate(amount_minor, list(left.values())), strict=True)
    parts = [(party, -part) for party, part in given_back]
    return await _book(unit, at, amount_minor, reason, parts)


async def of_party(
    connection: AsyncConnection, organisation: str, operator: str, before: str | None = None
) -> list[Credit]:
    """Return the credits that changed what an organisation owes or is owed, newest first.

    The operator gets all. A page at a time; `before` is the last identifier seen.
    """
    query = select(credit_notes)
    if organisation != operator:
        touched = exists().where(
            table.c.closing == credit_notes.c.closing,
            table.c.line == credit_notes.c.line,
            table.c.credit == credit_notes.c.id,
            or_(table.c.debtor == organisation, table.c.creditor == organisation),
        )
        query = query.where(touched)
    if before is not None:
        query = query.where(credit_notes.c.id < before)
    rows = await connection.execute(query.order_by(credit_notes.c.id.desc()).limit(PAGE_ROWS))
    return [Credit(**row._mapping) for row in rows]


async def _book(
    unit: UnitOfWork, at: LineAt, amount_minor: int, reason: str, parts: list[tuple[str, int]]
) -> Credit:
    """Write a credit, its posting and its debts; `parts` are parties and negative amounts."""
    credit = Credit(
        id=unit.mint("crd"),
        closing=at.closing,
        line=at.number,
        currency=at.currency,
        amount_minor=amount_minor,
        reason=inputs.prose(reason, "/reason", REASON_CHARACTERS),
        granted_by=unit.actor.organisation,
        granted_at=unit.now,
    )
    row = {name: getattr(credit, name) for name in Credit.__slots__}
    await unit.connection.execute(insert(credit_notes).values(row))
    await books.post(unit, _posting(at, credit, parts))
    rows = obligations.rows_of(
        unit, at.closing, at.number, at.line.partner, parts, at.currency, credit.id
    )
    await unit.connection.execute(insert(table), rows)
    detail = {"closing": at.closing, "line": at.number, "amount_minor": amount_minor}
    for organisation in sorted({at.operator, at.line.partner, *(party for party, _ in parts)}):
        unit.audit("credit.granted", credit.id, detail, organisation=organisation)
    return credit


async def _left(unit: UnitOfWork, at: LineAt) -> Counter[str]:
    """Return what each party has left of a line. Locks the line's debts until the commit."""
    rows = await unit.connection.execute(
        select(table.c.creditor, table.c.amount_minor)
        .where(table.c.closing == at.closing, table.c.line == at.number)
        .where(table.c.currency == at.currency)
        .order_by(table.c.id)
        .with_for_update()
    )
    left: Counter[str] = Counter()
    for creditor, amount_minor in rows:
        left[creditor] += amount_minor
    return Counter(
        {party: amount_minor for party, amount_minor in left.items() if amount_minor > 0}
    )


def _refuse_over(amount_minor: int, left_minor: int) -> None:
    if not 0 < amount_minor <= left_minor:
        raise inputs.wrong(
            "/amount_minor",
            "must be more than nothing and no more than you have left of the line",
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
