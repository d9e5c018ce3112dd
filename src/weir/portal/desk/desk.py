"""The desk: a request of a person who works here, with permissions, proofs and page answers.

A page is two functions: `show` makes the page, `send` does what its form asks for. When `send` is
refused, the page is shown again with what was typed and what is wrong with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from weir.access.permissions import PERMISSIONS
from weir.authorization.declares import PAGE_EXPIRED
from weir.identity.acting_person import ActingPerson
from weir.identity.declares import (
    PASSKEY_REFUSED,
    SECOND_FACTOR_WRONG,
    SIGN_IN_BUSY,
    SIGN_IN_LOCKED,
)
from weir.identity.people import Person
from weir.kernel.declares import FRESH_PROOF_NEEDED, NOT_FOUND
from weir.kernel.inputs import digits
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.partners.organisations import Organisation
from weir.portal.declares import EXPIRED_FORM_BYTES
from weir.portal.desk.navigation import entries
from weir.portal.form_faults import faults
from weir.portal.management import ManagementClient
from weir.portal.renderer import PageFunction, Portal, redirect, render
from weir.portal.sign_in import two_factors
from weir.portal.uploads import read_fields
from weir.portal.visitor import Visitor, require_form_token, sent_from_here

FORM: Final = "desk"  # what the form tokens of all rooms are for
# A page shown again says these itself; every other refusal is a page of its own.
_PROOF: Final = ("proof", "answer", "kept_answer")  # fields that prove who it is
_NOT_SHOWN: Final = (NOT_FOUND, PAGE_EXPIRED)
_UNPROVEN: Final = (SECOND_FACTOR_WRONG, SIGN_IN_LOCKED, SIGN_IN_BUSY, PASSKEY_REFUSED)


@dataclass(frozen=True, slots=True)
class Desk:
    """Context of one desk request. `fields` are the form's fields, `refusal` the reason it was not
    done.
    """

    portal: Portal
    request: Request
    visitor: Visitor
    person: Person
    organisation: Organisation
    management: ManagementClient
    fields: dict[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None

    def may(self, operation: str) -> bool:
        """Whether the person's role permits the operation; decides what a page offers."""
        return PERMISSIONS[operation].permits(self.organisation.kind, str(self.person.role))

    def named(self, key: str) -> str:
        """Return a parameter of the page's path."""
        return str(self.request.path_params[key])

    @property
    def form_key(self) -> str:
        """The idempotency key of the form, so that a form sent twice counts once."""
        return self.fields.get("form_key", "")

    def page(self, template: str, **context: Any) -> Response:
        """Render a page of the desk, with the refusal on it if there is one."""
        return render(
            self.request,
            self.visitor,
            template,
            status=self.refusal.outcome.status if self.refusal else 200,
            desk=self,
            organisation=self.organisation,
            side=entries(self.organisation.kind, str(self.person.role)),
            fields=self.fields,
            refusal=self.refusal,
            errors=faults(self.visitor.language, self.refusal),
            form_key=secrets.token_urlsafe(16),
            now=self.portal.database.clock.now(),
            **context,
        )


Show = Callable[[Desk], Awaitable[Response]]
Send = Callable[[Desk], Awaitable[Response]]
DeskPage = tuple[str, Show, Send | None]  # address, what shows it, what its forms do


def desk_page(show: Show) -> PageFunction:
    """Wrap `show` as a page for signed-in people; others are sent to the sign-in."""

    async def serve(portal: Portal, request: Request, visitor: Visitor) -> Response:
        if visitor.person is None:
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return redirect(f"/sign-in?{urlencode({'next': asked})}")
        return await show(await _desk(portal, request, visitor, visitor.person))

    return serve


def form_handler(show: Show, send: Send) -> PageFunction:
    """Wrap `send` as the handler of the page's form; refusals are shown by `show`."""

    async def serve(portal: Portal, request: Request, visitor: Visitor) -> Response:
        if visitor.person is None:
            _require_small(request)
        fields, fault = await read_fields(request)
        try:
            require_form_token(fields.get("form_token", ""), visitor, FORM)
        except Refusal as expired:
            return await _show_again(portal, request, visitor, show, fields, expired)
        if visitor.person is None:
            raise Refusal(PAGE_EXPIRED, "the session has ended")
        desk = replace(await _desk(portal, request, visitor, visitor.person), fields=fields)
        if fault is not None:
            return await show(replace(desk, refusal=fault))
        try:
            proven = await _proven(desk)
        except Refusal as refusal:
            if refusal.outcome in _UNPROVEN:
                return await _ask_for_proof(replace(desk, refusal=refusal))
            raise
        return await _do(proven, show, send)

    return serve


def _require_small(request: Request) -> None:
    """Raise PAGE_EXPIRED for a form without a sign-in, unless it is small and from our own page."""
    size = digits(request.headers.get("content-length", ""), 9)
    if not (sent_from_here(request) and size and size <= EXPIRED_FORM_BYTES):
        raise Refusal(PAGE_EXPIRED, "the session has ended")


async def _show_again(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    show: Show,
    fields: dict[str, str],
    expired: Refusal,
) -> Response:
    """Show an expired form filled in again, without acting on it.

    A signed-in person sees the page's own form; others see the sign-in and the fields to send
    again. PAGE_EXPIRED when the form was not sent from our own page.
    """
    if not sent_from_here(request):
        raise expired
    kept = {
        name: value
        for name, value in fields.items()
        if name not in ("form_token", "form_key") and not name.startswith(_PROOF)
    }
    if visitor.person is not None:
        desk = await _desk(portal, request, visitor, visitor.person)
        return await show(replace(desk, fields=kept, refusal=expired))
    return render(
        request,
        visitor,
        "desk/expired.html",
        status=expired.outcome.status,
        outcome=expired.outcome,
        kept=kept,
        shown=[value for name, value in kept.items() if name != "act" and value],
    )


async def _do(desk: Desk, show: Show, send: Send) -> Response:
    """Do what the form asks for, and show the page again when it is refused.

    Only FRESH_PROOF_NEEDED asks for a proof: PASSKEY_REFUSED may be about a new passkey while the
    proof was right.
    """
    try:
        return await send(desk)
    except Refusal as refusal:
        refused = replace(desk, refusal=refusal)
        if refusal.outcome is FRESH_PROOF_NEEDED:
            return await _ask_for_proof(refused)
        if refusal.outcome in _NOT_SHOWN or refusal.outcome.status >= 500:
            raise
        return await show(refused)


async def _desk(portal: Portal, request: Request, visitor: Visitor, person: Person) -> Desk:
    """Make the desk of a person who works for an organisation. NOT_FOUND for a customer."""
    if person.organisation is None or visitor.opened is None:
        raise Refusal(NOT_FOUND, "a customer has no desk")
    async with portal.database.connect() as connection:
        organisation = await organisations.get(connection, person.organisation)
    acting = ActingPerson(person.id, visitor.opened.proven_at)
    management = portal.management.client_for(acting, visitor.interaction_id)
    return Desk(portal, request, visitor, person, organisation, management)


async def _proven(desk: Desk) -> Desk:
    """Return the desk with a fresh proof when the form brings one. PASSKEY_REFUSED or
    SECOND_FACTOR_WRONG when the proof does not hold.
    """
    if "proof" not in desk.fields:
        return desk
    answer = desk.fields.get("answer", "")
    if answer:
        whose = await two_factors.person_of_passkey(desk.portal, desk.request, desk.visitor, answer)
        if whose.id != desk.person.id:
            raise Refusal(PASSKEY_REFUSED, "somebody else's passkey")
    else:
        code = desk.fields.get("proof_code", "")
        await two_factors.take_code(desk.portal, desk.visitor, desk.person, code)
    now = desk.portal.database.clock.now()
    await desk.portal.sessions.prove(desk.visitor.session, now)
    acting = ActingPerson(desk.person.id, now)
    management = desk.portal.management.client_for(acting, desk.visitor.interaction_id)
    return replace(desk, management=management)


async def _ask_for_proof(desk: Desk) -> Response:
    """Ask for a second factor, and keep the form's fields to be sent again with it."""
    own = ("form_token", "answer")
    kept = {
        name: value
        for name, value in desk.fields.items()
        if name not in own and not name.startswith("proof")
    }
    if "proof" not in desk.fields and desk.fields.get("answer"):
        kept["kept_answer"] = desk.fields["answer"]  # a passkey that was made, not the proof
    return desk.page("desk/proof.html", kept=kept)
