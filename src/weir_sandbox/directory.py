"""Operations for the platform itself: never on behalf of a partner, never with an identity."""

from __future__ import annotations

import re
from typing import Final

from weir_sandbox.answers import read_answers
from weir_sandbox.input_checks import choice, named, whole
from weir_sandbox.limits import DIRECTORY_ROWS
from weir_sandbox.operations import Answer, Call, Desk, Handler, Operation
from weir_sandbox.problems import NOT_FOUND, Problem

KINDS: Final = ("individual", "business")
_DEFAULT_ROWS: Final = 100
_CUSTOMER: Final = re.compile(r"(RB|HI|SS)-[0-9]{6,12}")

_LIST: Final = (
    "SELECT customer_ref, name, kind FROM customers"
    " WHERE %s::text IS NULL OR kind = %s::text ORDER BY customer_ref LIMIT %s"
)


def directory(holdings_of: Handler) -> tuple[Operation, ...]:
    """Return the platform's operations; `holdings_of` answers with a customer's holdings."""
    return (
        Operation("GET", "/health", health, caller="platform"),
        Operation("GET", "/openapi", openapi, caller="platform"),
        Operation("GET", "/directory/customers", list_customers, caller="platform"),
        Operation(
            "GET", "/directory/customers/{customer_ref}/accounts", holdings_of, caller="platform"
        ),
        Operation("GET", "/directory/answers", list_answers, caller="platform"),
    )


async def health(_: Call, desk: Desk) -> Answer:
    """Answer ok when the database answered just now."""
    await desk.database.one("SELECT 1")
    return Answer({"status": "ok"})


async def openapi(_: Call, desk: Desk) -> Answer:
    return Answer(desk.document, media_type=desk.document_type)


async def list_customers(call: Call, desk: Desk) -> Answer:
    values = call.values("limit", "kind")
    kind = choice(values, "kind", KINDS)
    limit = whole(values, "limit", _DEFAULT_ROWS, DIRECTORY_ROWS)
    rows = await desk.database.rows(_LIST, (kind, kind, limit))
    customers = [{"customer_ref": ref, "name": name, "kind": kind} for ref, name, kind in rows]
    return Answer({"customers": customers})


async def list_answers(call: Call, desk: Desk) -> Answer:
    values = call.values("after_id", "limit")
    after_id = whole(values, "after_id", 0, 10**18 - 1, lowest=0)
    limit = whole(values, "limit", _DEFAULT_ROWS, DIRECTORY_ROWS)
    return Answer({"answers": await read_answers(desk.database, after_id, limit)})


async def known_customer(call: Call, desk: Desk) -> str:
    """Return the customer reference in a path. Problem NOT_FOUND when there is no such customer."""
    reference = named(call.names["customer_ref"], _CUSTOMER)
    if not await desk.database.one("SELECT 1 FROM customers WHERE customer_ref = %s", (reference,)):
        raise Problem(NOT_FOUND)
    return reference
