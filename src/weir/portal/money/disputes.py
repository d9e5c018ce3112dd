"""Disputes about lines of statements: listed, opened and decided."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.portal.desk.desk import Desk
from weir.portal.desk.names import parties_of, products_of
from weir.portal.management import place
from weir.portal.money.amounts import named_line, parse_minor
from weir.portal.renderer import redirect


async def show(desk: Desk) -> Response:
    """Show disputes, open ones first, each oldest first; the form knows the line it is for."""
    found = await desk.management.all("/v1/disputes")
    for each in found:
        for name in ("opened_at", "resolved_at"):
            each[name] = datetime.fromisoformat(each[name]) if each[name] else None
    query = desk.request.query_params
    return desk.page(
        "money/disputes.html",
        disputes=sorted(found, key=lambda each: each["status"] != "open"),
        parties=await parties_of(desk),
        products=await products_of(desk, (each["product"] for each in found)),
        meant={name: query.get(name, "") for name in ("statement", "line")},
    )


async def act(desk: Desk) -> Response:
    """Open a dispute on a statement's line, or decide one."""
    fields = desk.fields
    if fields.get("act") == "open":
        meant = await named_line(desk)
        given = {
            "line": meant.number,
            "reason": fields.get("reason", ""),
            "evidence": fields.get("evidence", ""),
        }
        await desk.management.post(f"{meant.path}/disputes", given, desk.form_key)
    elif fields.get("act") == "resolve":
        decided = {
            "resolution": fields.get("resolution", ""),
            "amount_minor": parse_minor(fields.get("amount", ""), fields.get("currency", "")),
        }
        dispute = place(fields.get("dispute", ""))
        await desk.management.post(f"/v1/disputes/{dispute}/resolve", decided, desk.form_key)
    return redirect("/desk/disputes")
