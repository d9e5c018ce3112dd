"""Consents that an organisation holds: a member's of its customers, a partner's by application."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.portal.desk.desk import Desk
from weir.portal.desk.names import applications_of, parties_of
from weir.portal.management import Document, place
from weir.portal.renderer import redirect

_MOMENTS = ("created_at", "decided_at", "expires_at", "ended_at")
# What can still be withdrawn.
_STANDING = ("awaiting", "granted")


async def show(desk: Desk) -> Response:
    """Show a page of consents, newest first, of the application that the address names."""
    query = desk.request.query_params
    own = await desk.management.all("/v1/applications")
    wanted = query.get("application") or None
    if desk.organisation.kind != "member" and wanted is None and own:
        wanted = own[0]["id"]
    found: Document = {"items": [], "next": None}
    if desk.organisation.kind == "member" or wanted is not None:
        after = query.get("after") or None
        found = await desk.management.get("/v1/consents", application=wanted, after=after)
    for each in found["items"]:
        for name in _MOMENTS:
            each[name] = datetime.fromisoformat(each[name]) if each[name] else None
    return desk.page(
        "parties/consents.html",
        consents=found["items"],
        following=found["next"],
        own=own,
        wanted=wanted,
        STANDING=_STANDING,
        parties=await parties_of(desk),
        applications=await applications_of(desk, (each["application"] for each in found["items"])),
        customers=await _customers(desk),
    )


async def act(desk: Desk) -> Response:
    """Withdraw a consent; it is done when every gateway has applied it."""
    consent = place(desk.fields.get("consent", ""))
    given = {"reason": desk.fields.get("reason", "")}
    await desk.management.post(f"/v1/consents/{consent}/withdraw", given, desk.form_key)
    application = desk.request.query_params.get("application")
    return redirect(
        "/desk/consents" + (f"?application={place(application)}" if application else "")
    )


async def _customers(desk: Desk) -> dict[str, str]:
    """Return the names of the member's own customers, by identifier."""
    if not desk.may("list_customers"):
        return {}
    return {each["id"]: each["name"] for each in await desk.management.all("/v1/customers")}
