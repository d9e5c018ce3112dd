"""The operator's closings: a period becomes statements; open debts become payments."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.portal.management import Document
from weir.portal.rendering import go
from weir.portal.rooms.desk import Desk


async def show(desk: Desk) -> Response:
    """Closings that are not done, the operator's own statements, one a closing, and the rounds."""
    newest: dict[tuple[str, str], Document] = {}
    for job in (await desk.asking.get("/v1/closings"))["items"]:
        newest.setdefault((job["period"], job["currency"]), job)
    pending = [job for job in newest.values() if job["status"] != "done"]
    listed = await desk.asking.all("/v1/statements")
    rounds = (await desk.asking.get("/v1/netting-rounds"))["items"]
    for each in listed:
        each["closed_at"] = datetime.fromisoformat(each["closed_at"])
    for each in rounds:
        each["settled_at"] = datetime.fromisoformat(each["settled_at"])
    return desk.page("closings.html", pending=pending, statements=listed, rounds=rounds)


async def close(desk: Desk) -> Response:
    """Close a period, or settle what is open."""
    currency = desk.fields.get("currency", "").strip().upper()
    if desk.fields.get("act") == "settle":
        await desk.asking.post("/v1/netting-rounds", {"currency": currency}, desk.form_key)
    else:
        given = {"period": desk.fields.get("period", "").strip(), "currency": currency}
        await desk.asking.post("/v1/closings", given)
    return go("/desk/closings")
