"""The operator's register of organisations: admit, open production, suspend, resume."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from starlette.responses import Response

from weir.partners.classes import LICENCE_KINDS, PARTNER_CLASSES
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place
from weir.portal.renderer import redirect

_ACTS: Final = ("suspend", "resume", "production")


async def show_list(desk: Desk) -> Response:
    """List every organisation, by slug."""
    return desk.page(
        "parties/organisations.html", organisations=await desk.management.all("/v1/organisations")
    )


async def show_new(desk: Desk) -> Response:
    """Show the form that admits a member or a partner."""
    return desk.page(
        "parties/organisation_new.html",
        LICENCE_KINDS=LICENCE_KINDS,
        PARTNER_CLASSES=PARTNER_CLASSES,
    )


async def admit(desk: Desk) -> Response:
    """Admit the organisation, and go on to inviting its first person."""
    fields = {name: value.strip() for name, value in desk.fields.items()}
    given: Document = {name: fields.get(name, "") for name in ("slug", "name_en", "name_zh")}
    if fields.get("institution_code"):
        given["institution_code"] = fields["institution_code"]
    what = fields.get("what", "")
    if what in LICENCE_KINDS:
        given["licence_kind"] = what
        if fields.get("directory_url"):
            given["directory_url"] = fields["directory_url"]
        made = await desk.management.post("/v1/members", given, desk.form_key)
    else:
        given["partner_class"] = what
        made = await desk.management.post("/v1/partners", given, desk.form_key)
    return redirect(f"/desk/organisations/{made['slug']}")


async def show(desk: Desk, link: str | None = None) -> Response:
    """Show one organisation, its applications, and the operator's acts on it."""
    path = f"/v1/organisations/{place(desk.named('organisation'))}"
    found = await desk.management.get(path)
    for name in ("admitted_at", "changed_at"):
        found[name] = datetime.fromisoformat(found[name])
    return desk.page(
        "parties/organisation.html",
        party=found,
        applications=await desk.management.all("/v1/applications", organisation=found["id"]),
        LICENCE_KINDS=LICENCE_KINDS,
        PARTNER_CLASSES=PARTNER_CLASSES,
        link=link,
    )


async def act(desk: Desk) -> Response:
    """Invite the first owner, open production, suspend or resume; the invitation's link is shown
    once.
    """
    name, asked = desk.named("organisation"), desk.fields.get("act", "")
    if asked == "invite":
        given = {
            "organisation": name,
            "invitee": desk.fields.get("invitee", ""),
            "role": "owner",
        }
        made = await desk.management.post("/v1/invitations", given)
        return await show(desk, made["link"])
    if asked in _ACTS:
        await desk.management.post(f"/v1/organisations/{place(name)}/{asked}")
    return redirect(f"/desk/organisations/{name}")
