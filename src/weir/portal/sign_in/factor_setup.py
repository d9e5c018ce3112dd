"""Set-up of the first second factor after the passphrase: codes by time (TOTP), or a passkey.

It ends with recovery codes, shown once.
"""

from __future__ import annotations

from io import BytesIO

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from weir.identity import factors, passkeys, totp
from weir.identity.declares import (
    PASSKEY_REFUSED,
    SECOND_FACTOR_WRONG,
    SIGN_IN_BUSY,
    SIGN_IN_LOCKED,
)
from weir.identity.people import Person
from weir.identity.sessions import BY_CODE, BY_PASSKEY
from weir.kernel.declares import CONFLICT, INVALID_INPUT, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal import security
from weir.portal.form_faults import faults
from weir.portal.renderer import Portal, redirect, render
from weir.portal.sign_in.two_factors import relying_party_of, renew_session
from weir.portal.visitor import Visitor, local_path, read_form
from weir.store.unit import Actor

_MENDABLE = (
    *(SECOND_FACTOR_WRONG, SIGN_IN_LOCKED, SIGN_IN_BUSY, PASSKEY_REFUSED),
    *(INVALID_INPUT, CONFLICT),
)


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the QR code, the secret and the field for the first code, and the passkey."""
    following = local_path(request.query_params.get("next"), "/desk")
    person = visitor.entering
    if person is None:
        return redirect(following if visitor.person else "/sign-in")
    if await _has_one(portal, person):
        return redirect("/sign-in/second")
    return await _page(portal, request, visitor, person, following)


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Confirm the factor, open the session, and show the recovery codes."""
    fields = await read_form(request, visitor, "set-up")
    following = local_path(fields.get("next"), "/desk")
    person = visitor.entering
    if person is None or await _has_one(portal, person):
        return redirect("/sign-in")
    with_passkey = bool(fields.get("answer"))
    try:
        codes = await _confirm(portal, request, visitor, person, fields)
    except Refusal as refusal:
        if refusal.outcome not in _MENDABLE:
            raise
        return await _page(portal, request, visitor, person, following, refusal)
    response = render(
        request, visitor, "sign_in/recovery_codes.html", codes=codes, following=following
    )
    methods = BY_PASSKEY if with_passkey else BY_CODE
    await renew_session(portal, visitor, person, methods, response)
    return response


async def options(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Return the WebAuthn options to make a passkey, as JSON. NOT_FOUND without a person to make it
    for.
    """
    person = visitor.person or visitor.entering
    if person is None or not person.is_staff:
        raise Refusal(NOT_FOUND, "nobody to make a passkey for")
    if visitor.person is None and await _has_one(portal, person):
        raise Refusal(NOT_FOUND, "the factor there is comes first")
    async with portal.database.connect() as connection:
        text = await passkeys.registration_options(
            connection, portal.authorization.cache, relying_party_of(request), visitor.visit, person
        )
    return Response(text, media_type="application/json", headers=security.HEADERS)


async def _confirm(
    portal: Portal, request: Request, visitor: Visitor, person: Person, fields: dict[str, str]
) -> list[str]:
    """Confirm the factor and make recovery codes in one unit of work; return the codes."""
    cache, sealing = portal.authorization.cache, portal.authorization.sealing
    async with portal.database.unit(Actor(str(person.organisation), person.id)) as unit:
        if fields.get("answer"):
            await passkeys.register(
                unit,
                cache,
                relying_party_of(request),
                visitor.visit,
                person,
                answer=fields["answer"],
                name=fields.get("passkey_name") or person.display_name,
            )
        else:
            await factors.confirm_totp(unit, sealing, person, fields.get("code", ""))
        return await factors.make_recovery_codes(unit, person)


async def _has_one(portal: Portal, person: Person) -> bool:
    async with portal.database.connect() as connection:
        return (await factors.of_person(connection, person.id)).any


async def _page(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    person: Person,
    following: str,
    refusal: Refusal | None = None,
) -> Response:
    secret = await secret_of(portal, person)
    return render(
        request,
        visitor,
        "sign_in/set_up_factor.html",
        status=refusal.outcome.status if refusal else 200,
        whose=person,
        following=following,
        secret=totp.base32(secret),
        picture=picture(totp.key_uri(secret, person.name, "weir")),
        errors=faults(visitor.language, refusal),
    )


async def secret_of(portal: Portal, person: Person) -> bytes:
    """Return the secret to confirm, the same each time the page is opened."""
    actor = Actor(str(person.organisation), person.id)
    async with portal.database.unit(actor) as unit:
        return await factors.offer_totp(unit, portal.authorization.sealing, person)


def picture(address: str) -> Markup:
    """Return a QR code as inline SVG, in the ink of the page."""
    out = BytesIO()
    segno.make(address, error="m").save(
        out, kind="svg", scale=4, border=3, xmldecl=False, svgns=False, light="#fff",
        svgclass="qr", lineclass=None, omitsize=False,
    )  # fmt: skip
    return Markup(out.getvalue().decode())  # noqa: S704 - paths only, no words
