"""Disputes about lines of statements: those there are, and deciding them."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.kernel.inputs import digits, wrong
from weir.kernel.money import parse_amount
from weir.portal.management import place
from weir.portal.rendering import go
from weir.portal.rooms.desk import Desk
from weir.portal.rooms.finding import parties_of, products_of


async def show(desk: Desk) -> Response:
    """Oldest first, the open ones before the decided; the form knows the line it was opened for."""
    found = await desk.asking.all("/v1/disputes")
    for each in found:
        for name in ("opened_at", "resolved_at"):
            each[name] = datetime.fromisoformat(each[name]) if each[name] else None
    query = desk.request.query_params
    return desk.page(
        "disputes.html",
        disputes=sorted(found, key=lambda each: each["status"] != "open"),
        parties=await parties_of(desk),
        products=await products_of(desk, (each["product"] for each in found)),
        meant={name: query.get(name, "") for name in ("statement", "line")},
    )


async def act(desk: Desk) -> Response:
    """Open one on a statement's line, or decide one."""
    fields = desk.fields
    if fields.get("act") == "open":
        given = {
            "line": _whole(fields.get("line", ""), "/line"),
            "reason": fields.get("reason", ""),
            "evidence": fields.get("evidence", ""),
        }
        statement = place(fields.get("statement", "").strip())
        await desk.asking.post(f"/v1/statements/{statement}/disputes", given, desk.form_key)
    elif fields.get("act") == "resolve":
        decided = {
            "resolution": fields.get("resolution", ""),
            "amount_minor": _minor(fields.get("amount", ""), fields.get("currency", "")),
        }
        dispute = place(fields.get("dispute", ""))
        await desk.asking.post(f"/v1/disputes/{dispute}/resolve", decided, desk.form_key)
    return go("/desk/disputes")


def _minor(text: str, currency: str) -> int:
    """Money as people write it, in whole minor units."""
    try:
        return parse_amount(text.strip(), currency).amount_minor
    except ValueError as error:
        why = "must be an amount such as 12.50; 0 gives nothing back"
        raise wrong("/amount_minor", why, "须为金额，如 12.50；填 0 表示不退还") from error


def _whole(text: str, pointer: str) -> int:
    number = digits(text)
    if number is None:
        raise wrong(pointer, "must be a whole number", "须为整数")
    return number
