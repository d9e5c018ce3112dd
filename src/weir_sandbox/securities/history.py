"""A year of trading at the walk's own prices, computed from the seed and the first day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from weir_sandbox.population import Person, population, scattered
from weir_sandbox.preparation import CHINA, Generation, Loading, load, load_customers
from weir_sandbox.securities.fees import fees_minor
from weir_sandbox.securities.instruments import INSTRUMENTS, Instrument
from weir_sandbox.securities.prices import quote

_DAYS: Final = 365
_ORDERS_A_YEAR: Final = (0, 4, 10, 20, 45)


@dataclass(slots=True)
class _Trade:
    at: datetime
    instrument: Instrument
    side: str
    quantity: int
    price_minor: int
    fees_minor: int
    cash_minor: int


@dataclass(slots=True)
class _Portfolio:
    person: Person
    order: int
    opening_minor: int = 0
    cash_minor: int = 0
    trades: list[_Trade] = field(default_factory=list)
    held: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def portfolio_id(self) -> str:
        return f"ss-{self.person.number:06d}-{self.order:02d}"


def fill(connection: Loading, made: Generation) -> None:
    """Write customers (four in ten of the population), portfolios, holdings and orders."""
    people = [p for p in population(made.seed, made.customers) if p.number % 5 in (0, 2)]
    portfolios = [portfolio for person in people for portfolio in _portfolios(person, made)]
    load_customers(connection, "SS", people)
    load(
        connection,
        "portfolios (portfolio_id, customer_ref, name, number, opening_cash_minor, cash_minor)",
        map(_portfolio_line, portfolios),
    )
    load(
        connection,
        "holdings (portfolio_id, instrument_id, quantity, cost_minor)",
        (line for portfolio in portfolios for line in _holding_lines(portfolio)),
    )
    load(
        connection,
        "orders (number, order_id, portfolio_id, instrument_id, side, kind, quantity, status,"
        " price_minor, fees_minor, cash_minor, at)",
        _order_lines(portfolios, made.seed),
    )


def _portfolios(person: Person, made: Generation) -> Iterator[_Portfolio]:
    dice = person.dice(made.seed, "securities")
    for order in range(1, 3 if dice.random() < 0.15 else 2):
        portfolio = _Portfolio(person, order)
        scale = 20 if person.kind == "business" else 1
        for at in _moments(dice, made.first_day):
            _trade(portfolio, dice, made.seed, at, scale)
        _settle(portfolio, dice.randrange(500_000, 20_000_000) * scale)
        yield portfolio


def _moments(dice: random.Random, first_day: date) -> list[datetime]:
    """Return moments on working days of the past year, between half past nine and three."""
    moments = []
    for _ in range(dice.choice(_ORDERS_A_YEAR)):
        day = first_day - timedelta(days=dice.randrange(1, _DAYS))
        if day.weekday() < 5:
            second = dice.randrange(9 * 3600 + 1800, 15 * 3600)
            moments.append(datetime.combine(day, time(), CHINA) + timedelta(seconds=second))
    return sorted(moments)


def _trade(portfolio: _Portfolio, dice: random.Random, seed: int, at: datetime, scale: int) -> None:
    """Write a sale of a holding, or a purchase."""
    held = [name for name, (quantity, _) in portfolio.held.items() if quantity]
    side = "sell" if held and dice.random() < 0.4 else "buy"
    instrument = INSTRUMENTS[dice.choice(held) if side == "sell" else dice.choice([*INSTRUMENTS])]
    quantity, cost = portfolio.held.get(instrument.instrument_id, (0, 0))
    prices = quote(seed, instrument, at)
    if side == "buy":
        price, traded = prices.ask_minor, instrument.lot * dice.randrange(1, 12) * scale
        fees = fees_minor(instrument, side, price * traded)
        cash = -(price * traded + fees)
        portfolio.held[instrument.instrument_id] = (quantity + traded, cost - cash)
    else:
        lots = quantity // instrument.lot
        price, traded = prices.bid_minor, instrument.lot * dice.randrange(1, lots + 1)
        fees = fees_minor(instrument, side, price * traded)
        cash = price * traded - fees
        left = (quantity - traded, cost - cost * traded // quantity)
        portfolio.held[instrument.instrument_id] = left
    portfolio.trades.append(_Trade(at, instrument, side, traded, price, fees, cash))


def _settle(portfolio: _Portfolio, cushion_minor: int) -> None:
    """Set the opening cash so that the cash never falls below `cushion_minor`, in fen."""
    balance = lowest = 0
    for trade in portfolio.trades:
        balance += trade.cash_minor
        lowest = min(lowest, balance)
    portfolio.opening_minor = cushion_minor - lowest
    portfolio.cash_minor = portfolio.opening_minor + balance


def _portfolio_line(p: _Portfolio) -> str:
    number = f"A{scattered(p.person.number, p.order)}"
    name = "证券账户" if p.order == 1 else "第二证券账户"
    return (
        f"{p.portfolio_id}\tSS-{p.person.number:06d}\t{name}\t{number}\t{p.opening_minor}"
        f"\t{p.cash_minor}"
    )


def _holding_lines(p: _Portfolio) -> Iterator[str]:
    for instrument_id, (quantity, cost) in p.held.items():
        yield f"{p.portfolio_id}\t{instrument_id}\t{quantity}\t{cost}"


def _order_lines(portfolios: list[_Portfolio], seed: int) -> Iterator[str]:
    dice = random.Random(f"{seed}/orders")
    trades = sorted(
        ((trade, p) for p in portfolios for trade in p.trades), key=lambda pair: pair[0].at
    )
    for number, (t, p) in enumerate(trades, 1):
        yield (
            f"{number}\tsso-{dice.getrandbits(128):032x}\t{p.portfolio_id}"
            f"\t{t.instrument.instrument_id}\t{t.side}\tmarket\t{t.quantity}\tfilled"
            f"\t{t.price_minor}\t{t.fees_minor}\t{t.cash_minor}\t{t.at.isoformat()}"
        )
