"""The operator's closings: a period becomes statements, open debts become payments."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place
from weir.portal.renderer import redirect


async def show(desk: Desk) -> Response:
    """Show unfinished closings, the operator's own statements (one for each closing), netting
    rounds and re-openings. The re-opening form is filled in with the period the address names.
    """
    newest: dict[tuple[str, str], Document] = {}
    for job in (await desk.management.get("/v1/closings"))["items"]:
        newest.setdefault((job["period"], job["currency"]), job)
    pending = [job for job in newest.values() if job["status"] != "done"]
    listed = await desk.management.all("/v1/statements")
    rounds = (await desk.management.get("/v1/netting-rounds"))["items"]
    for each in listed:
        each["closed_at"] = datetime.fromisoformat(each["closed_at"])
    for each in rounds:
        each["settled_at"] = datetime.fromisoformat(each["settled_at"])
    reopened = (await desk.management.get("/v1/reopenings"))["items"]
    for each in reopened:
        each["reopened_at"] = datetime.fromisoformat(each["reopened_at"])
    query = desk.request.query_params
    return desk.page(
        "money/closings.html",
        pending=pending,
        statements=listed,
        rounds=rounds,
        reopened=reopened,
        meant={name: query.get(name, "") for name in ("period", "currency")},
    )


async def act(desk: Desk) -> Response:
    """Close a period, re-open it, settle open debts, or let a stuck closing go on."""
    currency = desk.fields.get("currency", "").strip().upper()
    given: Document = {"period": desk.fields.get("period", "").strip(), "currency": currency}
    match desk.fields.get("act"):
        case "settle":
            others = desk.fields.get("converting", "").upper().split()
            settled = {"currency": currency, "converting": others}
            await desk.management.post("/v1/netting-rounds", settled, desk.form_key)
        case "reopen":
            given["reason"] = desk.fields.get("reason", "")
            await desk.management.post("/v1/reopenings", given, desk.form_key)
        case "move":
            await desk.management.post(f"/v1/closings/{place(desk.fields.get('job', ''))}/move")
        case _:
            await desk.management.post("/v1/closings", given)
    return redirect("/desk/closings")
