"""Sign-in with two factors: a passphrase and a code, or a passkey alone.

Everything here works without a script but the passkey, which only a script can ask for.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.front.http import set_host_cookie
from weir.identity import factors, passkeys, people
from weir.identity.declares import (
    PASSKEY_REFUSED,
    SECOND_FACTOR_WRONG,
    SIGN_IN_BUSY,
    SIGN_IN_LOCKED,
    STAFF_SESSION_LIFETIME_S,
)
from weir.identity.passkeys import RelyingParty
from weir.identity.people import Person
from weir.identity.sessions import BY_CODE, BY_PASSKEY, SESSION_COOKIE
from weir.identity.sign_in import second_factor
from weir.kernel.declares import NAME_CHARACTERS, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal import security
from weir.portal.renderer import Portal, on_portal, redirect, render
from weir.portal.visitor import Visitor, local_path, read_form
from weir.store.unit import Actor

_MENDABLE = (SECOND_FACTOR_WRONG, SIGN_IN_LOCKED, SIGN_IN_BUSY, PASSKEY_REFUSED)


def relying_party_of(request: Request) -> RelyingParty:
    """Return the WebAuthn relying party of this host; the gateway refuses every host that is not
    ours.
    """
    host = request.headers.get("host", "")
    return RelyingParty(host.partition(":")[0], f"https://{host}")


async def options(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Return the WebAuthn options to use a passkey, as JSON. NOT_FOUND on another host than the
    portal's.
    """
    if not on_portal(request):
        raise Refusal(NOT_FOUND, "passkeys are for the portal")
    relying_party = relying_party_of(request)
    text = await passkeys.authentication_options(
        portal.authorization.cache, relying_party, visitor.visit
    )
    return Response(text, media_type="application/json", headers=security.HEADERS)


async def by_passkey(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Sign in by a passkey's answer."""
    fields = await read_form(request, visitor, "passkey")
    following = local_path(fields.get("next"), "/desk")
    try:
        person = await person_of_passkey(portal, request, visitor, fields.get("answer", ""))
    except Refusal as refusal:
        if refusal.outcome not in _MENDABLE:
            raise
        return render(
            request, visitor, "sign_in/sign_in.html",
            status=refusal.outcome.status, following=following,
            name="", refusal=refusal, application=None, interaction=None,
        )  # fmt: skip
    return await open_session(portal, visitor, person, BY_PASSKEY, following)


async def person_of_passkey(
    portal: Portal, request: Request, visitor: Visitor, answer: str
) -> Person:
    """Return the person whose passkey answered. PASSKEY_REFUSED when the person has left."""
    cache = portal.authorization.cache
    async with portal.database.unit(Actor("platform", "visitor")) as unit:
        person_id = await passkeys.authenticate(
            unit, cache, relying_party_of(request), visitor.visit, answer
        )
        person = await people.find(unit.connection, person_id)
    if person is None or person.status != "active":
        raise Refusal(PASSKEY_REFUSED, "has left")
    return person


async def show_second(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Ask for the second factor."""
    following = local_path(request.query_params.get("next"), "/desk")
    if visitor.entering is None:
        return redirect(following if visitor.person else "/sign-in")
    return await _second(portal, request, visitor, visitor.entering, following)


async def send_second(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Check the code, and open the session."""
    fields = await read_form(request, visitor, "second")
    following = local_path(fields.get("next"), "/desk")
    person = visitor.entering
    if person is None:
        return redirect("/sign-in")
    try:
        await take_code(portal, visitor, person, fields.get("code", ""))
    except Refusal as refusal:
        if refusal.outcome not in _MENDABLE:
            raise
        return await _second(portal, request, visitor, person, following, refusal)
    return await open_session(portal, visitor, person, BY_CODE, following)


async def take_code(portal: Portal, visitor: Visitor, person: Person, code: str) -> None:
    """Use up a person's code. SECOND_FACTOR_WRONG, SIGN_IN_LOCKED or SIGN_IN_BUSY."""
    await second_factor(
        portal.database,
        portal.authorization.cache,
        portal.authorization.sealing,
        person=person,
        code=code[:NAME_CHARACTERS],
        address=visitor.address,
    )


async def open_session(
    portal: Portal, visitor: Visitor, person: Person, amr: tuple[str, ...], following: str
) -> Response:
    """Open a session in place of the half-open one."""
    response = redirect(following)
    await renew_session(portal, visitor, person, amr, response)
    return response


async def renew_session(
    portal: Portal, visitor: Visitor, person: Person, amr: tuple[str, ...], response: Response
) -> str:
    """Replace the session by one with two factors, set its cookie, and return its secret."""
    await portal.sessions.close(visitor.session)
    now = portal.database.clock.now()
    session = await portal.sessions.open_for_staff(person.id, now, amr)
    set_host_cookie(response, SESSION_COOKIE, session, STAFF_SESSION_LIFETIME_S)
    return session


async def _second(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    person: Person,
    following: str,
    refusal: Refusal | None = None,
) -> Response:
    async with portal.database.connect() as connection:
        has = await factors.of_person(connection, person.id)
    return render(
        request,
        visitor,
        "sign_in/second_factor.html",
        status=refusal.outcome.status if refusal else 200,
        wait_s=refusal.wait_s if refusal else None,
        whose=person,
        has=has,
        following=following,
        refusal=refusal,
    )
