"""Netting rounds: all open debts in one currency become payments, in one transaction.

Disputed debts stay open and enter a later round. The books are reduced to the net: a party that is
owed keeps one payable, a party that owes one receivable, and each payment received clears a part of
both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ARRAY, Row, Text, any_, exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.kernel import inputs
from weir.kernel.declares import FORBIDDEN, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.money import MINOR_DIGITS, Money
from weir.kernel.outcomes import Refusal
from weir.ledger import books
from weir.ledger.postings import Entry, Posting
from weir.settlement.declares import NETTING_LOCK
from weir.settlement.payment import exchange_rates
from weir.settlement.payment.exchange_rates import Rate
from weir.settlement.payment.netting import Netting, net, sum_debts
from weir.settlement.payment_tables import disputes, netting_rounds, obligations, payments
from weir.store.locks import hold
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment of a round; `received` once the creditor or the operator confirmed it."""

    id: str
    round: str
    debtor: str
    creditor: str
    currency: str
    amount_minor: int
    status: Literal["instructed", "received"]
    received_at: datetime | None
    received_by: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """A settled round, and what it saved (see `weir.settlement.payment.netting.Netting`).

    `rates` are the exchange rates at which debts of other currencies entered it, each with `id`,
    `base`, `rate` and `source`.
    """

    id: str
    currency: str
    positions: dict[str, int]
    without_payments: int
    without_minor: int
    moved_minor: int
    rates: list[dict[str, str]]
    settled_at: datetime
    settled_by: str
    payments: list[PaymentRow]


async def settle(unit: UnitOfWork, currency: str, converting: Sequence[str] = ()) -> Round:
    """Net every open debt of a currency that no dispute holds. Only the operator may.

    Debts of the currencies in `converting` are first converted at the newest rates. Refusals:
    FORBIDDEN, INVALID_INPUT, ILLEGAL_STATE when nothing is open, CONFLICT without a recent rate.
    """
    inputs.choice(currency, MINOR_DIGITS, "/currency")
    operator = await operator_of(unit.connection)
    if unit.actor.organisation != operator:
        raise Refusal(FORBIDDEN, "only the operator settles")
    for other in converting:
        inputs.choice(other, set(MINOR_DIGITS) - {currency}, "/converting")
    await lock(unit.connection, {currency, *converting})
    rates = [
        await exchange_rates.convert(unit, held, other, currency, operator)
        for other in sorted(set(converting))
        if (held := await _open(unit.connection, other))
    ]
    rows = await _open(unit.connection, currency)
    if not rows:
        raise Refusal(ILLEGAL_STATE, "no debt is open", state="settled")
    between = (row for row in rows if row.debtor != row.creditor)
    found = net(sum_debts(((row.debtor, row.creditor), row.amount_minor) for row in between))
    identifier = await _write(unit, currency, found, rates)
    await unit.connection.execute(
        update(obligations)
        .where(obligations.c.id == any_(literal([row.id for row in rows], ARRAY(Text))))
        .values(round=identifier)
    )
    await _turn_books(unit, identifier, rows, currency, operator)
    for party in found.positions:
        unit.audit("round.settled", identifier, {"currency": currency}, organisation=party)
    return await fetch(unit.connection, identifier)


async def lock(connection: AsyncConnection, currencies: Iterable[str]) -> None:
    """Hold the netting locks of these currencies until the commit.

    A caller that also needs CLOSING_LOCK takes that one first, or two callers could wait for each
    other.
    """
    for each in sorted(currencies):
        await hold(connection, NETTING_LOCK, each)


async def receive(unit: UnitOfWork, payment: str) -> PaymentRow:
    """Confirm that a payment was received; a second confirmation changes nothing.

    Its creditor or the operator may. NOT_FOUND for everybody else.
    """
    held = await unit.connection.execute(
        select(payments).where(payments.c.id == payment).with_for_update()
    )
    row = held.one_or_none()
    operator = await operator_of(unit.connection)
    if row is None or unit.actor.organisation not in (row.creditor, operator):
        raise Refusal(NOT_FOUND, f"payment {payment}")
    if row.status == "received":
        return _payment(row)
    changed = await unit.connection.execute(
        update(payments)
        .where(payments.c.id == payment)
        .values(status="received", received_at=unit.now, received_by=unit.actor.organisation)
        .returning(payments)
    )
    await books.post(unit, _received(row, operator))
    for party in sorted({row.debtor, row.creditor, operator}):
        unit.audit("payment.received", payment, {"round": row.round}, organisation=party)
    return _payment(changed.one())


async def fetch(connection: AsyncConnection, identifier: str) -> Round:
    """Return a round with its payments. NOT_FOUND when there is none."""
    found = await connection.execute(
        select(netting_rounds).where(netting_rounds.c.id == identifier)
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, f"round {identifier}")
    paid = await connection.execute(
        select(payments).where(payments.c.round == identifier).order_by(payments.c.id)
    )
    return Round(**row._mapping, payments=[_payment(each) for each in paid])


def narrow_to(found: Round, viewer: str, operator: str) -> Round:
    """Narrow a round to a party's own position and payments. NOT_FOUND for outsiders."""
    if viewer == operator:
        return found
    if viewer not in found.positions:
        raise Refusal(NOT_FOUND, f"round {found.id} is not of {viewer}")
    own = [each for each in found.payments if viewer in (each.debtor, each.creditor)]
    return Round(
        found.id,
        found.currency,
        {viewer: found.positions[viewer]},
        found.without_payments,
        found.without_minor,
        found.moved_minor,
        found.rates,
        found.settled_at,
        found.settled_by,
        own,
    )


async def list_page(
    connection: AsyncConnection, viewer: str, operator: str, before: str | None = None
) -> list[Round]:
    """Return the rounds a party took part in, newest first, a page at a time.

    The operator gets all rounds; `before` is the last identifier seen.
    """
    query = select(netting_rounds.c.id)
    if viewer != operator:
        query = query.where(netting_rounds.c.positions.has_key(viewer))
    if before is not None:
        query = query.where(netting_rounds.c.id < before)
    rows = await connection.execute(query.order_by(netting_rounds.c.id.desc()).limit(PAGE_ROWS))
    return [narrow_to(await fetch(connection, row.id), viewer, operator) for row in rows]


async def _open(connection: AsyncConnection, currency: str) -> Sequence[Row[Any]]:
    """Return, locked, the debts of a currency not settled, converted or disputed."""
    held = (
        exists()
        .where(disputes.c.closing == obligations.c.closing)
        .where(disputes.c.line == obligations.c.line, disputes.c.status == "open")
    )
    rows = await connection.execute(
        select(obligations)
        .where(obligations.c.currency == currency, obligations.c.round.is_(None))
        .where(obligations.c.rate.is_(None), ~held)
        .order_by(obligations.c.id)
        .with_for_update()
    )
    return rows.all()


async def _write(unit: UnitOfWork, currency: str, found: Netting, rates: Sequence[Rate]) -> str:
    """Write a round and its payments; return the round's identifier."""
    identifier = unit.mint("rnd")
    await unit.connection.execute(
        insert(netting_rounds).values(
            id=identifier,
            currency=currency,
            positions=found.positions,
            without_payments=found.without_payments,
            without_minor=found.without_minor,
            moved_minor=found.moved_minor,
            rates=[
                {"id": each.id, "base": each.base, "rate": each.rate, "source": each.source}
                for each in rates
            ],
            settled_at=unit.now,
            settled_by=unit.actor.subject,
        )
    )
    rows = [
        {
            "id": unit.mint("pay"),
            "round": identifier,
            "debtor": each.debtor,
            "creditor": each.creditor,
            "currency": currency,
            "amount_minor": each.amount_minor,
            "status": "instructed",
        }
        for each in found.payments
    ]
    if rows:
        await unit.connection.execute(insert(payments), rows)
    return identifier


async def _turn_books(
    unit: UnitOfWork,
    identifier: str,
    rows: Sequence[Row[Any]],
    currency: str,
    operator: str,
) -> None:
    """Offset each party's payable and receivable, so that one balance is left to get or to pay."""
    owes: dict[str, int] = defaultdict(int)
    is_owed: dict[str, int] = defaultdict(int)
    for row in rows:
        owes[row.debtor] += row.amount_minor
        is_owed[row.creditor] += row.amount_minor
    for party in sorted({*owes, *is_owed} - {operator}):
        offset = offset_of(owes[party], is_owed[party])
        if offset:
            entries = (
                Entry(f"payable:{party}", Money(offset, currency)),
                Entry(f"receivable:{party}", Money(-offset, currency)),
            )
            await books.post(unit, Posting(f"{identifier}/{party}", "netting", entries))


def offset_of(owes_minor: int, is_owed_minor: int) -> int:
    """Return the amount to offset of a party's receivable and payable: the smaller of them."""
    return owes_minor if is_owed_minor >= owes_minor else is_owed_minor


def _received(row: Row[Any], operator: str) -> Posting:
    """Return the posting that clears the debtor's receivable and the creditor's payable.

    On the operator's side it is cash that changes.
    """
    paid = Money(row.amount_minor, row.currency)
    debit = "cash" if row.creditor == operator else "payable"
    credit = "cash" if row.debtor == operator else "receivable"
    entries = (Entry(f"{debit}:{row.creditor}", paid), Entry(f"{credit}:{row.debtor}", -paid))
    return Posting(row.id, "payment received", entries)


def _payment(row: Row[Any]) -> PaymentRow:
    return PaymentRow(**row._mapping)
