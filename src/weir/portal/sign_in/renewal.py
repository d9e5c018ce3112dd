"""Renewal of a staff sign-in by a one-time link: a new passphrase, then a new second factor."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from weir.identity import factors, links, people
from weir.identity.declares import SIGN_IN_BUSY
from weir.identity.links import Link
from weir.identity.passphrases import check_form
from weir.identity.people import Person
from weir.kernel.declares import INVALID_INPUT, LINK_USED
from weir.kernel.outcomes import Refusal
from weir.portal.form_faults import faults
from weir.portal.renderer import Portal, render
from weir.portal.sign_in.sign_in import start_half_open
from weir.portal.visitor import Visitor
from weir.store.unit import Actor


async def show(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    link: Link,
    refusal: Refusal | None = None,
) -> Response:
    """Show the person whose sign-in is renewed, and the form. LINK_USED after leaving."""
    person = await _person(portal, link)
    return render(
        request,
        visitor,
        "sign_in/renew.html",
        status=refusal.outcome.status if refusal else 200,
        wait_s=refusal.wait_s if refusal else None,
        whose=person,
        errors=faults(visitor.language, refusal),
    )


async def send(
    portal: Portal, request: Request, visitor: Visitor, link: Link, fields: dict[str, str]
) -> Response:
    """Set the passphrase, forget every factor and session, and go on to a new factor."""
    person = await _person(portal, link)
    try:
        passphrase = check_form(fields.get("passphrase", ""), person.name)
    except Refusal as refusal:
        if refusal.outcome is not INVALID_INPUT:
            raise
        return await show(portal, request, visitor, link, refusal)
    try:
        hashed = await portal.passphrases.hash(passphrase, visitor.asker)
    except Refusal as refusal:
        if refusal.outcome is not SIGN_IN_BUSY:
            raise
        return await show(portal, request, visitor, link, refusal)
    async with portal.database.unit(Actor(link.organisation, person.id)) as unit:
        await links.claim(unit, request.path_params["secret"], person.id)
        await factors.remove_all(unit, person.id)
        renewed = await people.renew(unit, person.id, hashed)
    await portal.sessions.close(visitor.session)
    return await start_half_open(portal, renewed, "/desk")


async def _person(portal: Portal, link: Link) -> Person:
    async with portal.database.connect() as connection:
        person = await people.find(connection, link.subject)
    if person is None or person.status != "active":
        raise Refusal(LINK_USED, "the person has left")
    return person
