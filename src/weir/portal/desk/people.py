"""People who work for the organisation: inviting, roles, renewing a sign-in, removing."""

from __future__ import annotations

from starlette.responses import Response

from weir.access.roles import ROLES
from weir.portal.desk.desk import Desk
from weir.portal.management import place
from weir.portal.renderer import redirect


async def show(desk: Desk, link: str | None = None, whose: str = "") -> Response:
    """Show people and open invitations; `link` is a new one-time link, shown once."""
    return desk.page(
        "desk/people.html",
        people=(await desk.management.get("/v1/people"))["items"],
        invitations=(await desk.management.get("/v1/invitations"))["items"],
        ROLES=ROLES,
        link=link,
        whose=whose,
    )


async def act(desk: Desk) -> Response:
    """Invite or remove a person, renew a sign-in, change a role, withdraw an invitation."""
    fields = desk.fields
    person = place(fields.get("person", ""))
    match fields.get("act"):
        case "invite":
            given = {"invitee": fields.get("invitee", ""), "role": fields.get("role", "")}
            made = await desk.management.post("/v1/invitations", given)
            return await show(desk, made["link"], made["invitation"]["invitee"])
        case "renew":
            made = await desk.management.post(f"/v1/people/{person}/renewal")
            return await show(desk, made["link"], made["person"]["display_name"])
        case "role":
            await desk.management.put(f"/v1/people/{person}/role", {"role": fields.get("role", "")})
        case "remove":
            await desk.management.post(f"/v1/people/{person}/remove")
        case "withdraw":
            invitation = place(fields.get("invitation", ""))
            await desk.management.post(f"/v1/invitations/{invitation}/withdraw")
    return redirect("/desk/people")
