"""Quotations: a premium for a described risk, kept for thirty days for the client."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from psycopg.rows import TupleRow
from psycopg.types.json import Json

from weir_sandbox.amounts import amount, text
from weir_sandbox.answers import log_within
from weir_sandbox.input_checks import named, read_json
from weir_sandbox.insurer.risks import (
    SUM_INSURED_MINOR,
    Motor,
    Property,
    Risk,
    product_of,
    sum_insured_minor,
    term_months,
)
from weir_sandbox.insurer.tariff import premium
from weir_sandbox.operations import Answer, Call, Desk
from weir_sandbox.preparation import today
from weir_sandbox.problems import INVALID, NOT_FOUND, Problem

QUOTATION: Final = re.compile(r"hiq-[0-9a-f]{32}")
VALID_DAYS: Final = 30

COLUMNS: Final = (
    "quotation_id, product, risk, sum_insured_minor, term_months, components, net_minor,"
    " tax_minor, total_minor, made_at, valid_until"
)
_INSERT: Final = f"INSERT INTO quotations ({COLUMNS}, client_id) VALUES ({', '.join(['%s'] * 12)})"

_risk: Final = msgspec.json.Decoder(Risk)


async def quote(call: Call, desk: Desk) -> Answer:
    """Compute a premium and keep it, with the line of the answer."""
    call.values()
    risk = read_json(call.body, _risk)
    check(risk)
    made_at = datetime.now(UTC)
    worth = premium(risk, today())
    components = [{"code": code, "premium": text(fen)} for code, fen in worth.components]
    row: TupleRow = (
        f"hiq-{uuid.uuid4().hex}",
        product_of(risk),
        msgspec.to_builtins(risk),
        sum_insured_minor(risk),
        term_months(risk),
        components,
        worth.net_minor,
        worth.tax_minor,
        worth.total_minor,
        made_at,
        made_at + timedelta(days=VALID_DAYS),
    )
    stored = [Json(value) if isinstance(value, (dict, list)) else value for value in row]
    async with desk.database.pool.connection() as connection, connection.transaction():
        await connection.execute(_INSERT, [*stored, call.identity.client_id])
        await log_within(connection, call.line(201))
    return Answer(quotation(row), status=201, logged=True)


async def get_quotation(call: Call, desk: Desk) -> Answer:
    """Return a quotation to the client that asked for it; to any other, 404."""
    call.values()
    row = await desk.database.one(
        f"SELECT {COLUMNS} FROM quotations WHERE quotation_id = %s AND client_id = %s",
        (named(call.names["quotation_id"], QUOTATION), call.identity.client_id),
    )
    if row is None:
        raise Problem(NOT_FOUND)
    return Answer(quotation(row))


def check(risk: Risk) -> None:
    """Check bounds of sums and dates that types cannot express. INVALID."""
    least, most = SUM_INSURED_MINOR[product_of(risk)]
    field = "vehicle_value" if isinstance(risk, Motor) else "sum_insured"
    if not least <= sum_insured_minor(risk) <= most:
        raise Problem(INVALID, f"{field} must be from {text(least)} to {text(most)}")
    if isinstance(risk, Motor) and risk.first_registered_on > today():
        raise Problem(INVALID, "first_registered_on must not be in the future")
    if isinstance(risk, Property) and risk.deductible.minor() * 10 > risk.sum_insured.minor():
        raise Problem(INVALID, "deductible must be at most a tenth of sum_insured")


def quotation(row: TupleRow) -> dict[str, object]:
    """Return a quotation as the API shows it."""
    (quotation_id, product, risk, insured, months, components, net, tax, total, made, until) = row
    return {
        "quotation_id": quotation_id,
        "product": product,
        "risk": risk,
        "sum_insured": amount(insured),
        "term_months": months,
        "premium": {
            "components": components,
            "net": amount(net),
            "tax": amount(tax),
            "total": amount(total),
            "per": "year" if product == "term_life" else "term",
        },
        "made_at": made,
        "valid_until": until,
    }
