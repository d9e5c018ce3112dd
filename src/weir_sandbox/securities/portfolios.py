"""Portfolios and their holdings, valued at the quote of the moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from psycopg.rows import TupleRow

from weir_sandbox.amounts import CURRENCY, amount, text
from weir_sandbox.directory import known_customer
from weir_sandbox.input_checks import named
from weir_sandbox.operations import Answer, Call, Desk
from weir_sandbox.problems import NOT_FOUND, Problem
from weir_sandbox.securities.instruments import INSTRUMENTS
from weir_sandbox.securities.prices import quote

PORTFOLIO: Final = re.compile(r"ss-[0-9]{6,12}-[0-9]{2}")
KIND: Final = "securities"

_SUMMARY: Final = "portfolio_id, name, number"
_HOLDINGS: Final = (
    "SELECT cash_minor, instrument_id, quantity, cost_minor FROM portfolios"
    " LEFT JOIN holdings ON holdings.portfolio_id = portfolios.portfolio_id AND quantity > 0"
    " WHERE portfolios.portfolio_id = %s ORDER BY instrument_id"
)


async def customer_portfolios(call: Call, desk: Desk) -> Answer:
    call.values()
    rows = await desk.database.rows(
        f"SELECT {_SUMMARY} FROM portfolios WHERE customer_ref = %s ORDER BY portfolio_id",
        (await known_customer(call, desk),),
    )
    return Answer({"accounts": [{"account_id": row[0], **_summary(row)} for row in rows]})


async def list_portfolios(call: Call, desk: Desk) -> Answer:
    call.values()
    rows = await desk.database.rows(
        f"SELECT {_SUMMARY}, cash_minor FROM portfolios WHERE portfolio_id = ANY(%s)"
        " ORDER BY portfolio_id",
        (call.identity.granted(),),
    )
    portfolios = [
        {"portfolio_id": row[0], **_summary(row[:3]), "cash": amount(row[3])} for row in rows
    ]
    return Answer({"portfolios": portfolios})


async def get_holdings(call: Call, desk: Desk) -> Answer:
    call.values()
    portfolio_id = granted_portfolio(call)
    rows = await desk.database.rows(_HOLDINGS, (portfolio_id,))
    if not rows:
        raise Problem(NOT_FOUND)
    now = datetime.now(UTC)
    held = [_holding(row, desk.seed, now) for row in rows if row[1] is not None]
    return Answer(
        {
            "portfolio_id": portfolio_id,
            "as_of": now,
            "cash": amount(rows[0][0]),
            "market_value": amount(sum(value for _, value in held)),
            "holdings": [holding for holding, _ in held],
        }
    )


def granted_portfolio(call: Call) -> str:
    """Return the portfolio identifier in a path. Problem NOT_GRANTED when it was not granted."""
    portfolio_id = named(call.names["portfolio_id"], PORTFOLIO)
    call.identity.require(portfolio_id)
    return portfolio_id


def _summary(row: TupleRow) -> dict[str, object]:
    """Return a portfolio as lists show it, with a masked number."""
    _, name, number = row
    return {
        "kind": KIND,
        "name": name,
        "masked_number": f"{number[:2]} **** {number[-4:]}",
        "currency": CURRENCY,
    }


def _holding(row: TupleRow, seed: int, now: datetime) -> tuple[dict[str, object], int]:
    """Return a holding as the API shows it, and its market value in fen."""
    _, instrument_id, quantity, cost = row
    instrument = INSTRUMENTS[instrument_id]
    last = quote(seed, instrument, now).last_minor
    value = last * quantity
    shown: dict[str, object] = {
        "instrument_id": instrument_id,
        "name": instrument.name,
        "kind": instrument.kind,
        "quantity": quantity,
        "last_price": text(last),
        "market_value": amount(value),
        "cost": amount(cost),
    }
    return shown, value
