"""Orders: filled at the quote or not at all, once for each idempotency key.

Cash and holdings change in one transaction.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from weir_sandbox.amounts import AmountText, amount, text
from weir_sandbox.cursors import cursor_after, read_cursor
from weir_sandbox.input_checks import fingerprint, idempotency_key, read_json, whole
from weir_sandbox.limits import PAGE_ROWS, PAGE_ROWS_DEFAULT
from weir_sandbox.operations import Answer, Call, Desk
from weir_sandbox.problems import (
    INSUFFICIENT_FUNDS,
    INSUFFICIENT_HOLDING,
    INVALID,
    KEY_REUSED,
    MALFORMED,
    NOT_FOUND,
    Kind,
    Problem,
)
from weir_sandbox.securities.fees import fees_minor
from weir_sandbox.securities.instruments import INSTRUMENTS
from weir_sandbox.securities.portfolios import granted_portfolio
from weir_sandbox.securities.prices import quote

_CLIENT: Final = re.compile(r"[\x21-\x7e]{1,256}\Z")
_LATER: Final = datetime(9000, 1, 1, tzinfo=UTC)

_COLUMNS: Final = (
    "order_id, portfolio_id, instrument_id, side, kind, quantity, limit_minor, status, reason,"
    " price_minor, fees_minor, cash_minor, at"
)
_PLACE: Final = (
    "SELECT outcome, (placed).order_id, (placed).portfolio_id, (placed).instrument_id,"
    " (placed).side, (placed).kind, (placed).quantity, (placed).limit_minor, (placed).status,"
    " (placed).reason, (placed).price_minor, (placed).fees_minor, (placed).cash_minor, (placed).at"
    " FROM place_and_log(ROW(0, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL, %s, %s, %s,"
    " %s)::orders, %s, %s, %s, %s)"
)
_LIST: Final = (
    f"SELECT {_COLUMNS}, number FROM orders WHERE portfolio_id = %s AND (at, number) < (%s, %s)"
    " ORDER BY at DESC, number DESC LIMIT %s"
)

_REFUSALS: Final[dict[str, Kind]] = {
    "insufficient_funds": INSUFFICIENT_FUNDS,
    "insufficient_holding": INSUFFICIENT_HOLDING,
    "key_reused": KEY_REUSED,
    "portfolio_unknown": NOT_FOUND,
}
_STATUSES: Final = {"filled": 201, "unfilled": 201, "replayed": 201} | {
    outcome: kind.status for outcome, kind in _REFUSALS.items()
}


class NewOrder(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The order to buy or sell a quantity now, at the market price or within a limit."""

    instrument_id: str
    side: Literal["buy", "sell"]
    kind: Literal["market", "limit"]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
    limit_price: AmountText | None = None

    def limit_minor(self) -> int | None:
        """The limit in fen, None for a market order."""
        return None if self.limit_price is None else int(self.limit_price.replace(".", ""))


_new_order: Final = msgspec.json.Decoder(NewOrder)


async def place(call: Call, desk: Desk) -> Answer:
    """Decide an order in one transaction, with the line of its answer."""
    call.values()
    portfolio_id = granted_portfolio(call)
    key = idempotency_key(call.idempotency_key)
    order = read_json(call.body, _new_order)
    check(order)
    row = await desk.database.one(_PLACE, _values(call, desk.seed, portfolio_id, key, order))
    assert row is not None
    outcome, placed = row[0], row[1:]
    reason = placed[8] if placed[7] == "rejected" else outcome
    if reason in _REFUSALS:
        raise Problem(_REFUSALS[reason], logged=True)
    return Answer(_order(placed), status=201, logged=True)


def check(order: NewOrder) -> None:
    """Check the instrument, whole lots and the limit, which types cannot express."""
    instrument = INSTRUMENTS.get(order.instrument_id)
    if instrument is None:
        raise Problem(INVALID, "instrument_id is not one that is traded here")
    if order.quantity % instrument.lot:
        raise Problem(INVALID, f"quantity must be a multiple of {instrument.lot}")
    if (order.kind == "limit") != (order.limit_price is not None):
        raise Problem(INVALID, "limit_price belongs to a limit order and to no other")


def _values(
    call: Call, seed: int, portfolio_id: str, key: str, order: NewOrder
) -> tuple[object, ...]:
    """Return the values of `place_and_log`: the order as it will be kept if it fills."""
    now = datetime.now(UTC)
    instrument, limit = INSTRUMENTS[order.instrument_id], order.limit_minor()
    prices = quote(seed, instrument, now)
    price = prices.ask_minor if order.side == "buy" else prices.bid_minor
    fills = limit is None or (price <= limit if order.side == "buy" else price >= limit)
    gross = price * order.quantity
    fees = fees_minor(instrument, order.side, gross)
    cash = -(gross + fees) if order.side == "buy" else gross - fees
    caller = call.identity
    return (
        f"sso-{uuid.uuid4().hex}", portfolio_id, caller.client_id, key,
        fingerprint((portfolio_id, order)), caller.consent_id, order.instrument_id, order.side,
        order.kind, order.quantity, limit, "filled" if fills else "unfilled",
        price if fills else None, fees if fills else 0, cash if fills else 0, now,
        fills, caller.interaction_id, call.path, Jsonb(_STATUSES),
    )  # fmt: skip


async def list_orders(call: Call, desk: Desk) -> Answer:
    values = call.values("limit", "cursor")
    portfolio_id = granted_portfolio(call)
    limit = whole(values, "limit", PAGE_ROWS_DEFAULT, PAGE_ROWS)
    before = read_cursor(values["cursor"]) if "cursor" in values else (_LATER, 0)
    rows = await desk.database.rows(_LIST, (portfolio_id, *before, limit + 1))
    page = rows[:limit]
    more = cursor_after(page[-1][12], page[-1][13]) if len(rows) > limit else None
    return Answer({"orders": [_order(row[:13]) for row in page], "next_cursor": more})


async def order_by_key(call: Call, desk: Desk) -> Answer:
    """Return the order under a client's idempotency key, for reconciliation after a crash."""
    values = call.values("client_id")
    client_id = values.get("client_id", "")
    if not _CLIENT.match(client_id):
        raise Problem(MALFORMED, "client_id is missing or malformed")
    row = await desk.database.one(
        f"SELECT {_COLUMNS} FROM orders WHERE client_id = %s AND idempotency_key = %s",
        (client_id, idempotency_key(call.names["idempotency_key"])),
    )
    if row is None:
        raise Problem(NOT_FOUND)
    return Answer(_order(row))


def _order(row: TupleRow) -> dict[str, object]:
    """Return an order as the API shows it."""
    (order_id, portfolio, instrument, side, kind, quantity, limit, status, reason, price, fees,
     cash, at) = row  # fmt: skip
    return {
        "order_id": order_id,
        "portfolio_id": portfolio,
        "instrument_id": instrument,
        "side": side,
        "kind": kind,
        "quantity": quantity,
        "limit_price": None if limit is None else text(limit),
        "status": status,
        "reason": reason,
        "price": None if price is None else text(price),
        "fees": amount(fees),
        "cash_effect": amount(cash),
        "decided_at": at,
    }
