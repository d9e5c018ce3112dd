"""Sign-in by name and passphrase, and sign-out."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.front.http import set_host_cookie
from weir.authorization.visits import pushed_requests
from weir.authorization.visits.redirects import origin
from weir.identity import factors
from weir.identity.declares import (
    HALF_OPEN_SESSION_S,
    SESSION_LIFETIME_S,
    SIGN_IN_BUSY,
    SIGN_IN_FAILED,
    SIGN_IN_LOCKED,
)
from weir.identity.people import Person
from weir.identity.sessions import BY_PASSPHRASE, SESSION_COOKIE
from weir.identity.sign_in import sign_in
from weir.kernel.outcomes import Refusal
from weir.partners import applications
from weir.portal.renderer import Portal, on_portal, redirect, render
from weir.portal.visitor import Visitor, local_path, read_form, read_form_again

_MENDABLE = (SIGN_IN_FAILED, SIGN_IN_LOCKED, SIGN_IN_BUSY)
_INTERACTION = re.compile(r"/interactions/(int_[0-9a-z]{26})")


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the sign-in form. `?next=` names the page to go to afterwards, within this host."""
    following = local_path(request.query_params.get("next"), "/")
    if visitor.person is not None:
        return redirect(following)
    return await _form(portal, request, visitor, following)


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Check the name and the passphrase, and open a session."""
    fields, expired = await read_form_again(request, visitor, "sign-in")
    following = local_path(fields.get("next"), "/")
    name = fields.get("name", "")
    if expired is not None:
        return await _form(portal, request, visitor, following, name, expired)
    try:
        person = await sign_in(
            portal.database,
            portal.authorization.cache,
            portal.passphrases,
            name=name,
            passphrase=fields.get("passphrase", ""),
            address=visitor.address,
            asker=visitor.asker,
        )
    except Refusal as refusal:
        if refusal.outcome not in _MENDABLE:
            raise
        return await _form(portal, request, visitor, following, name, refusal)
    await portal.sessions.close(visitor.session)
    if not person.is_staff:
        return await start_session(portal, visitor, person, following)
    if not on_portal(request):  # there is nothing for them at the authorization server
        failed = Refusal(SIGN_IN_FAILED, "staff sign in at the portal")
        return await _form(portal, request, visitor, following, name, failed)
    return await start_half_open(portal, person, following)


async def sign_out(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """End the session."""
    fields = await read_form(request, visitor, "sign-out")
    await portal.sessions.close(visitor.session)
    response = redirect(local_path(fields.get("next"), "/"))
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


async def start_session(
    portal: Portal, visitor: Visitor, person: Person, following: str
) -> Response:
    """Open a customer's session with a new secret, whatever the browser had (no fixation)."""
    session = await portal.sessions.open(person.id, portal.database.clock.now(), visitor.host)
    response = redirect(following)
    set_host_cookie(response, SESSION_COOKIE, session, SESSION_LIFETIME_S)
    return response


async def start_half_open(portal: Portal, person: Person, following: str) -> Response:
    """Open a half-open session after a right passphrase, and go on to the second factor or its
    set-up.
    """
    now = portal.database.clock.now()
    session = await portal.sessions.open_for_staff(person.id, now, BY_PASSPHRASE)
    async with portal.database.connect() as connection:
        has = await factors.of_person(connection, person.id)
    step = "/sign-in/second" if has.any else "/sign-in/set-up"
    response = redirect(f"{step}?{urlencode({'next': following})}")
    set_host_cookie(response, SESSION_COOKIE, session, HALF_OPEN_SESSION_S)
    return response


async def _form(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    following: str,
    name: str = "",
    refusal: Refusal | None = None,
) -> Response:
    found = _INTERACTION.fullmatch(following)
    asking = await _who_asks(portal, visitor, found[1]) if found else None
    return render(
        request,
        visitor,
        "sign_in/sign_in.html",
        status=refusal.outcome.status if refusal else 200,
        wait_s=refusal.wait_s if refusal else None,
        leads_to=asking[1] if asking else None,
        following=following,
        name=name,
        refusal=refusal,
        application=asking[0] if asking else None,
        interaction=found[1] if found and asking else None,
    )


async def _who_asks(portal: Portal, visitor: Visitor, interaction: str) -> tuple[str, str] | None:
    """Return the application's name and the origin of its redirect URI; None without either."""
    found = await pushed_requests.find(portal.authorization.cache, interaction, visitor.visit)
    if found is None:
        return None
    async with portal.database.connect() as connection:
        application = await applications.find(connection, found.pushed.client)
    return (application.name, origin(found.pushed.redirect_uri)) if application else None
