"""Policies: bought from a quotation, once; shown only where the customer granted it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

import msgspec
from psycopg.rows import TupleRow
from psycopg.types.json import Json

from weir_sandbox.amounts import amount
from weir_sandbox.answers import log_within
from weir_sandbox.database import Connection, first
from weir_sandbox.input_checks import Line, fingerprint, named, read_json
from weir_sandbox.insurer.quotations import QUOTATION
from weir_sandbox.insurer.risks import PRODUCTS
from weir_sandbox.operations import Answer, Call, Desk
from weir_sandbox.population import scattered
from weir_sandbox.preparation import today
from weir_sandbox.problems import INVALID, KEY_REUSED, NOT_FOUND, Problem

POLICY: Final = re.compile(r"hi-[0-9]{6,12}-[0-9]{2}")
_FURTHEST_START_DAYS: Final = 90

_COLUMNS: Final = (
    "policy_id, number, product, holder_name, risk, sum_insured_minor, premium_minor, starts_on,"
    " ends_on, quotation_id, issued_at"
)
_QUOTATION: Final = (
    "SELECT product, risk, sum_insured_minor, term_months, total_minor, valid_until"
    " FROM quotations WHERE quotation_id = %s AND client_id = %s FOR UPDATE"
)
_INSERT: Final = (
    f"INSERT INTO policies ({_COLUMNS}, customer_ref, body_sha256)"
    f" VALUES ({', '.join(['%s'] * 13)}) RETURNING {_COLUMNS}"
)


class Holder(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The person or business that takes the policy out."""

    name: Line
    kind: Literal["individual", "business"]


class Purchase(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A purchase of a quotation, with cover from a day on."""

    quotation_id: str
    holder: Holder
    starts_on: date


_purchase: Final = msgspec.json.Decoder(Purchase)


async def buy(call: Call, desk: Desk) -> Answer:
    """Turn a quotation into a policy. The same body gets the same answer again."""
    call.values()
    purchase = read_json(call.body, _purchase)
    named(purchase.quotation_id, QUOTATION)
    async with desk.database.pool.connection() as connection, connection.transaction():
        quoted = await first(connection, _QUOTATION, purchase.quotation_id, call.identity.client_id)
        if quoted is None:
            raise Problem(NOT_FOUND)
        row = await _bought(connection, purchase) or await _issue(connection, purchase, quoted)
        await log_within(connection, call.line(201))
    return Answer(policy(row), status=201, logged=True)


async def _bought(connection: Connection, purchase: Purchase) -> TupleRow | None:
    row = await first(
        connection,
        f"SELECT {_COLUMNS}, body_sha256 FROM policies WHERE quotation_id = %s",
        purchase.quotation_id,
    )
    if row is None:
        return None
    if bytes(row[-1]) != fingerprint(purchase):
        raise Problem(KEY_REUSED, "the quotation became another policy before")
    return row[:-1]


async def _issue(connection: Connection, purchase: Purchase, quoted: TupleRow) -> TupleRow:
    product, risk, insured, months, total, valid_until = quoted
    now = datetime.now(UTC)
    if valid_until < now:
        raise Problem(INVALID, "the quotation is no longer valid")
    if not today() <= purchase.starts_on <= today() + timedelta(days=_FURTHEST_START_DAYS):
        raise Problem(INVALID, f"starts_on must be within {_FURTHEST_START_DAYS} days from today")
    number = await _new_customer(connection, purchase.holder)
    values = (
        f"hi-{number}-01", policy_number(number, 1), product, purchase.holder.name, Json(risk),
        insured, total, purchase.starts_on, last_day(purchase.starts_on, months),
        purchase.quotation_id, now, f"HI-{number}", fingerprint(purchase),
    )  # fmt: skip
    row = await first(connection, _INSERT, *values)
    assert row is not None
    return row


async def _new_customer(connection: Connection, holder: Holder) -> int:
    row = await first(
        connection,
        "INSERT INTO customers SELECT 'HI-' || number, %s, %s"
        " FROM nextval('sold_customers') AS number RETURNING substr(customer_ref, 4)::bigint",
        holder.name,
        holder.kind,
    )
    assert row is not None
    return int(row[0])


async def list_policies(call: Call, desk: Desk) -> Answer:
    call.values()
    rows = await desk.database.rows(
        f"SELECT {_COLUMNS} FROM policies WHERE policy_id = ANY(%s) ORDER BY policy_id",
        (call.identity.granted(),),
    )
    return Answer({"policies": [policy(row) for row in rows]})


async def get_policy(call: Call, desk: Desk) -> Answer:
    call.values()
    row = await desk.database.one(
        f"SELECT {_COLUMNS} FROM policies WHERE policy_id = %s", (granted_policy(call),)
    )
    if row is None:
        raise Problem(NOT_FOUND)
    return Answer(policy(row))


def granted_policy(call: Call) -> str:
    """Return the policy identifier in a path. Problem NOT_GRANTED when it was not granted."""
    policy_id = named(call.names["policy_id"], POLICY)
    call.identity.require(policy_id)
    return policy_id


def policy_number(customer: int, order: int) -> str:
    """Return the number printed on a policy."""
    return "8866" + scattered(customer, order)


def masked(number: str) -> str:
    """Return a policy number as others than its holder see it."""
    return f"{number[:4]} **** {number[-4:]}"


def last_day(starts_on: date, months: int) -> date:
    """Return the last day of cover: the day before the same day, `months` months later."""
    years, month = divmod(starts_on.month - 1 + months, 12)
    first_of = date(starts_on.year + years, month + 1, 1)
    following = date(first_of.year + first_of.month // 12, first_of.month % 12 + 1, 1)
    same_day = min(starts_on.day, (following - first_of).days)
    return first_of.replace(day=same_day) - timedelta(days=1)


def policy(row: TupleRow) -> dict[str, object]:
    """Return a policy as the API shows it, with its status today."""
    policy_id, number, product, holder, risk, insured, total, starts, ends, quotation, issued = row
    now = today()
    status = "pending" if starts > now else "expired" if ends < now else "active"
    return {
        "policy_id": policy_id,
        "policy_number": number,
        "product": product,
        "product_name": PRODUCTS[product],
        "status": status,
        "holder_name": holder,
        "risk": risk,
        "sum_insured": amount(insured),
        "premium": amount(total),
        "starts_on": starts,
        "ends_on": ends,
        "quotation_id": quotation,
        "issued_at": issued,
    }
