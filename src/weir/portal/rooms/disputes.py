"""Disputes about lines of statements: those there are, and deciding them."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.kernel.inputs import wrong
from weir.portal.management import place
from weir.portal.rendering import go
from weir.portal.rooms.desk import Desk


async def show(desk: Desk) -> Response:
    """Oldest first, the open ones before the decided."""
    found = await desk.asking.all("/v1/disputes")
    for each in found:
        each["opened_at"] = datetime.fromisoformat(each["opened_at"])
    return desk.page(
        "disputes.html",
        disputes=sorted(found, key=lambda each: each["status"] != "open"),
        parties={each["id"]: each for each in await desk.asking.all("/v1/organisations")},
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
            "amount_minor": _whole(fields.get("amount_minor", ""), "/amount_minor"),
        }
        dispute = place(fields.get("dispute", ""))
        await desk.asking.post(f"/v1/disputes/{dispute}/resolve", decided, desk.form_key)
    return go("/desk/disputes")


def _whole(text: str, pointer: str) -> int:
    typed = text.strip()
    if not typed.isdigit() or len(typed) > 15:
        raise wrong(pointer, "must be a whole number", "须为整数")
    return int(typed)
