"""Exchange rates: recording them, and converting debts into another currency.

A rate says what one major unit of `base` was worth in `quote`, from which source and when. It is
never changed: a newer one is recorded beside it. A statement names the newest rates at its closing,
and the operator's revenue is booked at these. Debts that are settled in another currency are
converted at the newest rate then; the change of the rate since the closing is the operator's
exchange gain or loss.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import ARRAY, Row, Text, any_, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.kernel import inputs, money
from weir.kernel.clock import moment
from weir.kernel.declares import CONFLICT, FORBIDDEN, PAGE_ROWS
from weir.kernel.money import MINOR_DIGITS, Money
from weir.kernel.outcomes import Refusal
from weir.ledger import books
from weir.ledger.postings import Entry, Posting
from weir.settlement.declares import EXCHANGE_RATE_DAYS
from weir.settlement.documents import RateInput
from weir.settlement.payment_tables import exchange_rates, obligations
from weir.settlement.tables import closings
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Rate:
    """One major unit of `base` was worth `rate` (a decimal) of `quote`, as `source` observed."""

    id: str
    base: str
    quote: str
    rate: str
    source: str
    observed_at: datetime
    recorded_at: datetime
    recorded_by: str


async def record(
    unit: UnitOfWork, *, base: str, quote: str, rate: str, source: str, observed_at: datetime
) -> Rate:
    """Record a rate. Only the operator may. Refusals: FORBIDDEN, INVALID_INPUT."""
    if unit.actor.organisation != await operator_of(unit.connection):
        raise Refusal(FORBIDDEN, "only the operator records rates")
    inputs.choice(base, MINOR_DIGITS, "/base")
    inputs.choice(quote, MINOR_DIGITS, "/quote")
    if base == quote:
        raise inputs.wrong("/quote", "must be another currency than base", "须为不同于 base 的币种")
    _check(rate, observed_at, unit.now)
    recorded = Rate(
        id=unit.mint("rat"),
        base=base,
        quote=quote,
        rate=rate,
        source=inputs.text(source, "/source"),
        observed_at=observed_at,
        recorded_at=unit.now,
        recorded_by=unit.actor.subject,
    )
    row = {name: getattr(recorded, name) for name in Rate.__slots__}
    await unit.connection.execute(insert(exchange_rates).values(row))
    detail = {"base": base, "quote": quote, "rate": rate, "source": recorded.source}
    unit.audit("rate.recorded", recorded.id, detail)
    return recorded


def _check(rate: str, observed_at: datetime, now: datetime) -> None:
    try:
        is_rate = money.parse_price(rate) > 0
    except ValueError:
        is_rate = False
    if not is_rate:
        raise inputs.wrong(
            "/rate",
            "must be a positive decimal string such as 7.1234, with at most 8 decimal places",
            "须为正的十进制字符串，例如 7.1234，最多 8 位小数",
        )
    if observed_at.tzinfo is None or observed_at > now:
        raise inputs.wrong(
            "/observed_at",
            "must be a time with a zone, not to come",
            "须含时区且不晚于现在",
        )


async def list_page(connection: AsyncConnection, before: str | None = None) -> list[Rate]:
    """Return rates, the newest recorded first, a page at a time."""
    query = select(exchange_rates)
    if before is not None:
        query = query.where(exchange_rates.c.id < before)
    rows = await connection.execute(query.order_by(exchange_rates.c.id.desc()).limit(PAGE_ROWS))
    return [Rate(**row._mapping) for row in rows]


async def find_newest(
    connection: AsyncConnection, base: str, quote: str, known_at: datetime
) -> Rate | None:
    """Return the latest observed of the rates recorded by `known_at`, None when there is none."""
    found = await connection.execute(
        select(exchange_rates)
        .where(exchange_rates.c.base == base, exchange_rates.c.quote == quote)
        .where(exchange_rates.c.recorded_at <= known_at)
        .order_by(exchange_rates.c.observed_at.desc(), exchange_rates.c.id.desc())
        .limit(1)
    )
    row = found.first()
    return Rate(**row._mapping) if row else None


async def rates_of(
    connection: AsyncConnection, currency: str, known_at: datetime
) -> list[RateInput]:
    """Return the newest rate of this currency in each other one, as a statement names them."""
    found = [
        await find_newest(connection, currency, quote, known_at)
        for quote in sorted(set(MINOR_DIGITS) - {currency})
    ]
    return [
        RateInput(each.id, each.base, each.quote, each.rate, each.source, moment(each.observed_at))
        for each in found
        if each is not None
    ]


def convert_amounts(amounts_minor: Sequence[int], rate: Rate) -> list[int]:
    """Convert amounts to minor units of `quote`, so that they sum to their converted total.

    The total is rounded once (half to even). Each result is what its amount adds to the converted
    running total, so its sign may differ from the amount's.
    """
    factor = Fraction(rate.rate) * Fraction(10) ** (
        MINOR_DIGITS[rate.quote] - MINOR_DIGITS[rate.base]
    )
    found, total, before = [], 0, 0
    for amount in amounts_minor:
        total += amount
        now = round(total * factor)
        found.append(now - before)
        before = now
    return found


async def convert(
    unit: UnitOfWork, rows: Sequence[Row[Any]], base: str, quote: str, operator: str
) -> Rate:
    """Turn open debts of `base` into debts of `quote` at the newest rate, line by line.

    `rows` are of the table `obligations`. Return the rate. CONFLICT when no rate was recorded, or
    the newest is older than EXCHANGE_RATE_DAYS.
    """
    rate = await find_newest(unit.connection, base, quote, unit.now)
    days = EXCHANGE_RATE_DAYS
    if rate is None or rate.observed_at < unit.now - timedelta(days=days):
        raise Refusal(
            CONFLICT,
            f"no rate {base} to {quote}",
            why=f"no rate from {base} to {quote} was observed within {days} days",
            why_zh=f"{days} 天内没有记录 {base} 兑 {quote} 的汇率",
        )
    groups: dict[tuple[str, int, str | None], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[row.closing, row.line, row.credit].append(row)
    earned_at = await _rates_at_closing(unit, {row.closing for row in rows}, base, quote)
    for (closing, line, credit), held in groups.items():
        amounts = convert_amounts([row.amount_minor for row in held], rate)
        await _turn(unit, held, amounts, rate)
        reference = f"{credit or f'{closing}/{line}'}/{unit.mint('cnv')}"
        posting = _posting(reference, held, amounts, rate, earned_at.get(closing, rate), operator)
        if posting is not None:
            await books.post(unit, posting)
    return rate


async def _rates_at_closing(
    unit: UnitOfWork, wanted: set[str], base: str, quote: str
) -> dict[str, Rate]:
    """Return by closing the rate that its statements name; closings without one are left out."""
    rows = await unit.connection.execute(
        select(closings.c.id, closings.c.closed_at).where(closings.c.id.in_(wanted))
    )
    found = {}
    for row in rows.all():
        rate = await find_newest(unit.connection, base, quote, row.closed_at)
        if rate is not None:
            found[row.id] = rate
    return found


async def _turn(
    unit: UnitOfWork, held: Sequence[Row[Any]], amounts: Iterable[int], rate: Rate
) -> None:
    """Cancel the debts by their mirror images, and enter them in the other currency instead."""
    met = [_copy(unit, row, row.currency, -row.amount_minor, rate.id) for row in held]
    stand = [
        _copy(unit, row, rate.quote, amount, None)
        for row, amount in zip(held, amounts, strict=True)
        if amount
    ]
    await unit.connection.execute(insert(obligations), [*met, *stand])
    await unit.connection.execute(
        update(obligations)
        .where(obligations.c.id == any_(literal([row.id for row in held], ARRAY(Text))))
        .values(rate=rate.id)
    )


def _copy(
    unit: UnitOfWork, row: Row[Any], currency: str, amount_minor: int, rate: str | None
) -> dict[str, Any]:
    """Return a new row of `obligations`: `row` with another currency, amount and rate."""
    same = ("closing", "line", "debtor", "creditor", "credit")
    kept = {name: getattr(row, name) for name in same}
    new = {"id": unit.mint("obl"), "currency": currency, "amount_minor": amount_minor}
    return {**kept, **new, "rate": rate}


def _posting(
    reference: str,
    held: Sequence[Row[Any]],
    amounts: Sequence[int],
    rate: Rate,
    earned_at: Rate,
    operator: str,
) -> Posting | None:
    """Return the posting from one currency into the other; the entries of each sum to zero.

    The operator's revenue enters at the rate of the closing, `earned_at`; the difference to `rate`
    is booked on its account `exchange`. None when nothing is to be booked.
    """
    out: dict[str, int] = defaultdict(int)
    into: dict[str, int] = defaultdict(int)
    for row, amount in zip(held, amounts, strict=True):
        sides = (("receivable", row.debtor, 1), ("payable", row.creditor, -1))
        for kind, party, sign in sides:
            account = f"revenue:{party}" if party == operator else f"{kind}:{party}"
            out[account] -= sign * row.amount_minor
            into[account] += sign * amount
    revenue = f"revenue:{operator}"
    if revenue in into:
        (booked,) = convert_amounts([-out[revenue]], earned_at)
        into[f"exchange:{operator}"] = into[revenue] - booked
        into[revenue] = booked
    entries = [Entry(account, Money(each, rate.base)) for account, each in out.items() if each]
    entries += [Entry(account, Money(each, rate.quote)) for account, each in into.items() if each]
    if not entries:
        return None
    return Posting(reference, f"converted at {rate.id}", tuple(entries))
