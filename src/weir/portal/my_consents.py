"""A customer's own consents: what flows, to whom, until when; and how to stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from weir.consent import reading
from weir.consent.reading import Consent
from weir.consent.states import MOVES, Move, State
from weir.consent.withdrawal import confirm, withdraw_and_confirm
from weir.identity.people import Person
from weir.kernel.identifiers import is_identifier
from weir.kernel.outcomes import ILLEGAL_STATE, NOT_FOUND, Refusal
from weir.partners import applications, organisations
from weir.partners.applications import Application
from weir.partners.organisations import Organisation
from weir.portal import my_questions
from weir.portal.rendering import Portal, go, render
from weir.portal.visitor import Visitor, read_form
from weir.store.unit import Actor


@dataclass(frozen=True, slots=True)
class Shown:
    """A consent with its parties, and its state as of now."""

    consent: Consent
    state: State
    application: Application
    partner: Organisation
    member: Organisation

    @property
    def may_be_withdrawn(self) -> bool:
        return (self.state, Move.WITHDRAW) in MOVES


async def show_list(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """All of them, active ones first."""
    if visitor.person is None:
        return go("/sign-in?next=/my/consents")
    async with portal.database.connect() as connection:
        consents = await reading.of_person(connection, visitor.person.id)
        shown = [await _shown(portal, connection, consent) for consent in consents]
        waiting = await my_questions.count(portal, connection, visitor.person.id)
    active = [each for each in shown if each.may_be_withdrawn]
    ended = [each for each in shown if not each.may_be_withdrawn]
    return _render(
        portal, request, visitor, "my_consents.html", active=active, ended=ended, waiting=waiting
    )


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """One consent: its facts, and its history."""
    if visitor.person is None:
        return go(f"/sign-in?next={request.url.path}")
    consent = await _own(portal, request, visitor.person)
    if consent.state is State.WITHDRAWN and consent.acknowledged_at is None:
        await confirm(portal.database, consent.id, timeout_s=0)
    async with portal.database.connect() as connection:
        consent = await reading.find(connection, consent.id) or consent
        shown = await _shown(portal, connection, consent)
    return _render(portal, request, visitor, "my_consent.html", shown=shown)


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Withdraw. The page that follows says when, and whether every gateway has confirmed."""
    if visitor.person is None:
        return go(f"/sign-in?next={request.url.path}")
    consent = await _own(portal, request, visitor.person)
    await read_form(request, visitor, f"withdraw:{consent.id}")
    actor = Actor(consent.member, visitor.person.id)
    try:
        await withdraw_and_confirm(portal.database, actor, consent.id, "customer")
    except Refusal as refusal:
        if refusal.outcome is not ILLEGAL_STATE:  # it has ended already: the page says how
            raise
    return go(request.url.path)


async def _own(portal: Portal, request: Request, person: Person) -> Consent:
    consent_id = request.path_params["consent"]
    if is_identifier(consent_id, "cns"):
        async with portal.database.connect() as connection:
            consent = await reading.find_of_person(connection, consent_id, person.id)
        if consent is not None:
            return consent
    raise Refusal(NOT_FOUND, "not this person's consent")


async def _shown(portal: Portal, connection: AsyncConnection, consent: Consent) -> Shown:
    return Shown(
        consent,
        consent.state_at(portal.database.clock.now()),
        await applications.get(connection, consent.application),
        await organisations.get(connection, consent.partner),
        await organisations.get(connection, consent.member),
    )


def _render(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    template: str,
    *,
    active: Sequence[Shown] = (),
    ended: Sequence[Shown] = (),
    shown: Shown | None = None,
    waiting: int = 0,
) -> Response:
    now = portal.database.clock.now()
    return render(
        request,
        visitor,
        template,
        active=active,
        ended=ended,
        shown=shown,
        waiting=waiting,
        now=now,
    )
