"""Claim of a one-time link: a new sign-in, or one more institution for a present sign-in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from weir.access.roles import OWNER
from weir.identity import customers, links, people
from weir.identity.declares import SIGN_IN_BUSY
from weir.identity.links import Link
from weir.identity.passphrases import check_form
from weir.identity.people import Person, sign_in_name
from weir.kernel.declares import CONFLICT, LINK_USED
from weir.kernel.inputs import text
from weir.kernel.outcomes import Refusal
from weir.partners import applications, organisations
from weir.portal.form_faults import faults
from weir.portal.renderer import Portal, redirect, render
from weir.portal.sign_in import renewal
from weir.portal.sign_in.sign_in import start_half_open, start_session
from weir.portal.visitor import Visitor, read_form_again
from weir.store.unit import Actor


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the purpose of the link, and the form. Loading it does not use the link up."""
    link = await _link(portal, request)
    if link.purpose == "renewal":
        return await renewal.show(portal, request, visitor, link)
    return await _form(portal, request, visitor, link)


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Use the link: with the present sign-in, or with a new one."""
    link = await _link(portal, request)
    fields, expired = await read_form_again(request, visitor, "welcome")
    if expired is not None:
        if link.purpose == "renewal":
            raise expired  # of which nothing typed may be shown again
        return await _form(portal, request, visitor, link, fields, [expired])
    if link.purpose == "renewal":
        return await renewal.send(portal, request, visitor, link, fields)
    if visitor.person is not None and fields.get("use") == "present":
        return await _add(portal, request, link, visitor.person)
    wrong = _wrong_fields(fields)
    if wrong:
        return await _form(portal, request, visitor, link, fields, wrong)
    try:
        person = await _create(portal, request, visitor, link, fields)
    except Refusal as refusal:
        if refusal.outcome not in (CONFLICT, SIGN_IN_BUSY):
            raise
        return await _form(portal, request, visitor, link, fields, [refusal])
    await portal.sessions.close(visitor.session)
    if person.is_staff:
        return await start_half_open(portal, person, "/desk")
    return await start_session(portal, visitor, person, "/my/consents")


def _wrong_fields(fields: dict[str, str]) -> list[Refusal]:
    """Return the faults of all fields together, so that they are mended in one go."""
    name, passphrase = fields.get("name", ""), fields.get("passphrase", "")
    checks: tuple[Callable[[], object], ...] = (
        lambda: text(fields.get("display_name", ""), "/display_name"),
        lambda: sign_in_name(name),
        lambda: check_form(passphrase, name.strip()),
    )
    refusals = []
    for check in checks:
        try:
            check()
        except Refusal as refusal:
            refusals.append(refusal)
    return refusals


async def _create(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    link: Link,
    fields: dict[str, str],
) -> Person:
    """Create the person, claim the link and attach the customer, all in one transaction."""
    assert link.purpose != "renewal", "renewals have a page of their own"
    hashed = await portal.passphrases.hash(fields["passphrase"], visitor.asker)
    async with portal.database.unit(Actor(link.organisation, link.id)) as unit:
        person = await people.create(
            unit,
            name=fields["name"],
            display_name=fields["display_name"],
            passphrase_hash=hashed,
            kind=link.purpose,
            organisation=None if link.purpose == "customer" else link.organisation,
            language=visitor.language,
            role=link.role,
        )
        await links.claim(unit, request.path_params["secret"], person.id)
        if link.purpose == "customer":
            await customers.link_person(unit, link.subject, person.id)
        elif link.role == OWNER:
            await applications.adopt(unit, link.organisation, person.id)
    return person


async def _add(portal: Portal, request: Request, link: Link, person: Person) -> Response:
    """Attach one more institution to a signed-in customer. LINK_USED for a link that is not a
    customer's.
    """
    if link.purpose != "customer" or person.is_staff:
        raise Refusal(LINK_USED, "a staff link makes a new sign-in")
    async with portal.database.unit(Actor(link.organisation, person.id)) as unit:
        await links.claim(unit, request.path_params["secret"], person.id)
        await customers.link_person(unit, link.subject, person.id)
    return redirect("/my/consents")


async def _link(portal: Portal, request: Request) -> Link:
    async with portal.database.connect() as connection:
        now = portal.database.clock.now()
        return await links.find_open(connection, request.path_params["secret"], now)


async def _form(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    link: Link,
    fields: dict[str, str] | None = None,
    refusals: Sequence[Refusal] = (),
) -> Response:
    async with portal.database.connect() as connection:
        organisation = await organisations.get(connection, link.organisation)
        customer = await customers.find(connection, link.subject)
    return render(
        request,
        visitor,
        "sign_in/welcome.html",
        status=refusals[0].outcome.status if refusals else 200,
        wait_s=refusals[0].wait_s if refusals else None,
        link=link,
        organisation=organisation,
        fields=fields or {"display_name": customer.display_name if customer else ""},
        errors=faults(visitor.language, *refusals),
    )
