"""The audit trail: entries searched by organisation, event and the identifier they touch."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.kernel.declares import INVALID_INPUT, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.kernel.rooms import events
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import display_names, parties_of
from weir.portal.management import Document


async def show(desk: Desk) -> Response:
    """Show the newest entries that match the address; none for a search that is not possible."""
    query = desk.request.query_params
    wanted = {
        name: query.get(name) or None for name in ("organisation", "event", "touching", "after")
    }
    page: Document = {"items": [], "next": None}
    try:
        page = await desk.management.get("/v1/audit/entries", **wanted)
    except Refusal as refusal:
        if refusal.outcome not in (NOT_FOUND, INVALID_INPUT):
            raise
    for each in page["items"]:
        each["at"] = datetime.fromisoformat(each["at"])
    everybody = desk.organisation.kind == "operator"
    checking = desk.may("verify_audit") and "check" in query
    return desk.page(
        "desk/audit.html",
        entries=page["items"],
        following=page["next"],
        wanted=wanted,
        EVENTS=events(),
        checked=await desk.management.get("/v1/audit/verification") if checking else None,
        everybody=everybody,
        parties=await parties_of(desk),
        names=await display_names(
            desk, (each[name] for each in page["items"] for name in ("subject", "actor"))
        ),
    )
