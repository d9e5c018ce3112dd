"""Credits: money given back on a line of a closed statement."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.kernel.declares import NOT_FOUND
from weir.kernel.inputs import digits
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import parties_of, products_of
from weir.portal.management import Document, place
from weir.portal.money.amounts import named_line, parse_minor
from weir.portal.renderer import redirect


async def show(desk: Desk) -> Response:
    """Show credits, newest first, with the statement line that the form was opened for."""
    found = await desk.management.all("/v1/credits")
    for each in found:
        each["granted_at"] = datetime.fromisoformat(each["granted_at"])
    query = desk.request.query_params
    meant = {name: query.get(name, "") for name in ("statement", "line")}
    line = await _line(desk, meant["statement"], meant["line"])
    wanted = [each["product"] for each in found] + ([line["product"]] if line else [])
    return desk.page(
        "money/credits.html",
        credits=found,
        parties=await parties_of(desk),
        products=await products_of(desk, wanted),
        meant=meant,
        line=line,
    )


async def act(desk: Desk) -> Response:
    """Give back part of a line."""
    meant = await named_line(desk)
    given = {
        "line": meant.number,
        "amount_minor": parse_minor(desk.fields.get("amount", ""), meant.currency),
        "reason": desk.fields.get("reason", ""),
    }
    await desk.management.post(f"{meant.path}/credits", given, desk.form_key)
    return redirect("/desk/credits")


async def _line(desk: Desk, statement: str, number: str) -> Document | None:
    """Return the line that the address names, with its statement's `period` and `currency` added;
    None when there is no such line.
    """
    counted = digits(number)
    if not statement or counted is None:
        return None
    try:
        found = await desk.management.get(f"/v1/statements/{place(statement)}")
    except Refusal as refusal:
        if refusal.outcome is NOT_FOUND:
            return None
        raise
    if not 1 <= counted <= len(found["lines"]):
        return None
    line: Document = found["lines"][counted - 1]
    return line | {name: found[name] for name in ("period", "currency")}
