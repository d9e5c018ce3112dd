"""Summit Securities' table of operations, and the market's own handlers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from weir_sandbox.amounts import CURRENCY, text
from weir_sandbox.directory import directory
from weir_sandbox.input_checks import choice, named
from weir_sandbox.operations import Answer, Call, Desk, Operation, join
from weir_sandbox.problems import NOT_FOUND, Problem
from weir_sandbox.securities import orders, portfolios
from weir_sandbox.securities.instruments import INSTRUMENTS, Instrument
from weir_sandbox.securities.prices import TICK_MINOR, quote

_INSTRUMENT: Final = re.compile(r"[0-9]{6}")


async def list_instruments(call: Call, _: Desk) -> Answer:
    kind = choice(call.values("kind"), "kind", ("share", "fund", "bond"))
    listed = [i for i in INSTRUMENTS.values() if kind is None or i.kind == kind]
    return Answer({"instruments": [_instrument(instrument) for instrument in listed]})


async def get_instrument(call: Call, _: Desk) -> Answer:
    call.values()
    return Answer(_instrument(_named(call)))


async def get_quote(call: Call, desk: Desk) -> Answer:
    call.values()
    instrument, now = _named(call), datetime.now(UTC)
    prices = quote(desk.seed, instrument, now)
    change = Decimal(prices.last_minor - prices.previous_close_minor) / prices.previous_close_minor
    return Answer(
        {
            "instrument_id": instrument.instrument_id,
            "name": instrument.name,
            "currency": CURRENCY,
            "last": text(prices.last_minor),
            "bid": text(prices.bid_minor),
            "ask": text(prices.ask_minor),
            "previous_close": text(prices.previous_close_minor),
            "change_percent": f"{change * 100:.2f}",
            "as_of": now,
        }
    )


def _named(call: Call) -> Instrument:
    instrument = INSTRUMENTS.get(named(call.names["instrument_id"], _INSTRUMENT))
    if instrument is None:
        raise Problem(NOT_FOUND)
    return instrument


def _instrument(instrument: Instrument) -> dict[str, object]:
    """Return an instrument as the API shows it."""
    return {
        "instrument_id": instrument.instrument_id,
        "name": instrument.name,
        "kind": instrument.kind,
        "currency": CURRENCY,
        "lot": instrument.lot,
        "tick": text(TICK_MINOR),
    }


OPERATIONS: Final = join(
    (
        Operation("GET", "/instruments", list_instruments),
        Operation("GET", "/instruments/{instrument_id}", get_instrument),
        Operation("GET", "/quotes/{instrument_id}", get_quote),
        Operation("GET", "/portfolios", portfolios.list_portfolios),
        Operation("GET", "/portfolios/{portfolio_id}/holdings", portfolios.get_holdings),
        Operation("POST", "/portfolios/{portfolio_id}/orders", orders.place),
        Operation("GET", "/portfolios/{portfolio_id}/orders", orders.list_orders),
        Operation(
            "GET",
            "/directory/orders/{idempotency_key:path}",
            orders.order_by_key,
            caller="platform",
        ),
    ),
    directory(portfolios.customer_portfolios),
)
