"""A customer's own consents: what flows, to whom and until when, and how to withdraw."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from weir.access.consent_types import RECURRING_PAYMENT
from weir.consent import consents as stored_consents
from weir.consent import directory, recurring_payments
from weir.consent.consents import Consent
from weir.consent.directory import Account
from weir.consent.recurring_payments import PeriodicLimit
from weir.consent.states import MOVES, Move, State
from weir.consent.withdrawals import confirm, withdraw_and_confirm
from weir.identity import customers
from weir.identity.customers import Customer
from weir.identity.people import Person
from weir.kernel.declares import ILLEGAL_STATE, NOT_FOUND
from weir.kernel.identifiers import is_identifier
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.metering.counters import period_sums
from weir.partners import applications, organisations
from weir.partners.applications import Application
from weir.partners.organisations import Organisation
from weir.portal.consents import my_questions
from weir.portal.declares import ACCOUNT_NAMES_S
from weir.portal.renderer import Portal, redirect, render
from weir.portal.visitor import Visitor, read_form
from weir.store.unit import Actor


@dataclass(frozen=True, slots=True)
class LimitUse:
    """A limit of a recurring payment, and the sum of the payments in its present period."""

    limit: PeriodicLimit
    spent: Money
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ListedConsent:
    """A consent with its parties and its present state."""

    consent: Consent
    state: State
    application: Application
    partner: Organisation
    member: Organisation

    @property
    def may_be_withdrawn(self) -> bool:
        return (self.state, Move.WITHDRAW) in MOVES


async def show_list(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """List the customer's consents, active ones first."""
    if visitor.person is None:
        return redirect("/sign-in?next=/my/consents")
    async with portal.database.connect() as connection:
        consents = await stored_consents.of_person(connection, visitor.person.id)
        shown = [await _shown(portal, connection, consent) for consent in consents]
        waiting = await my_questions.count(portal, connection, visitor.person.id)
    active = [each for each in shown if each.may_be_withdrawn]
    ended = [each for each in shown if not each.may_be_withdrawn]
    return _render(
        portal,
        request,
        visitor,
        "consents/my_consents.html",
        active=active,
        ended=ended,
        waiting=waiting,
    )


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show one consent: its facts and its history."""
    if visitor.person is None:
        return redirect(f"/sign-in?next={request.url.path}")
    consent = await _own(portal, request, visitor.person)
    if consent.state is State.WITHDRAWN and consent.acknowledged_at is None:
        await confirm(portal.database, consent.id, timeout_s=0)
    async with portal.database.connect() as connection:
        consent = await stored_consents.find(connection, consent.id) or consent
        shown = await _shown(portal, connection, consent)
        counted = await _counted(portal, connection, shown)
        customer = await customers.find(connection, consent.customer or "")
    accounts = await _accounts(portal, request, shown, customer)
    return _render(
        portal,
        request,
        visitor,
        "consents/my_consent.html",
        shown=shown,
        counted=counted,
        accounts=accounts,
    )


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Withdraw the consent. The page that follows says when, and whether every gateway has
    confirmed.
    """
    if visitor.person is None:
        return redirect(f"/sign-in?next={request.url.path}")
    consent = await _own(portal, request, visitor.person)
    await read_form(request, visitor, f"withdraw:{consent.id}")
    actor = Actor(consent.member, visitor.person.id)
    try:
        await withdraw_and_confirm(portal.database, actor, consent.id, "customer")
    except Refusal as refusal:
        if refusal.outcome is not ILLEGAL_STATE:  # it has ended already: the page says how
            raise
    return redirect(request.url.path)


async def _own(portal: Portal, request: Request, person: Person) -> Consent:
    consent_id = request.path_params["consent"]
    if is_identifier(consent_id, "cns"):
        async with portal.database.connect() as connection:
            consent = await stored_consents.find_of_person(connection, consent_id, person.id)
        if consent is not None:
            return consent
    raise Refusal(NOT_FOUND, "not this person's consent")


async def _shown(portal: Portal, connection: AsyncConnection, consent: Consent) -> ListedConsent:
    return ListedConsent(
        consent,
        consent.state_at(portal.database.clock.now()),
        await applications.get(connection, consent.application),
        await organisations.get(connection, consent.partner),
        await organisations.get(connection, consent.member),
    )


async def _accounts(
    portal: Portal, request: Request, shown: ListedConsent, customer: Customer | None
) -> Mapping[str, Account]:
    """Return the customer's accounts by identifier, with the institution's names for them.

    Empty when the consent has ended or the institution does not answer within ACCOUNT_NAMES_S; the
    page then shows the identifiers.
    """
    if customer is None or not shown.may_be_withdrawn:
        return {}
    interaction = request.headers.get("weir-interaction-id", shown.consent.id)
    try:
        async with asyncio.timeout(ACCOUNT_NAMES_S):
            found = await directory.accounts_of(
                portal.directory, shown.member.directory_url, customer.customer_ref, interaction
            )
    except (Refusal, TimeoutError):
        return {}
    return {each.id: each for each in found}


async def _counted(
    portal: Portal, connection: AsyncConnection, shown: ListedConsent
) -> Sequence[LimitUse]:
    """Return the limits of an active consent to recurring payments, with the sum paid in the
    present period of each; empty for any other consent.
    """
    granted, now = shown.consent.granted, portal.database.clock.now()
    if shown.consent.type != RECURRING_PAYMENT or granted is None or not shown.may_be_withdrawn:
        return ()
    mandate = recurring_payments.read(granted)
    counted = mandate.limit_periods_at(now) if mandate.since <= now else ()
    spent = await period_sums.spent_in(
        connection, shown.consent.id, [each.name for each in counted]
    )
    currency = mandate.maximum.currency
    return [
        LimitUse(each.limit, Money(spent[each.name], currency), each.span.ends_at)
        for each in counted
    ]


def _render(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    template: str,
    *,
    active: Sequence[ListedConsent] = (),
    ended: Sequence[ListedConsent] = (),
    shown: ListedConsent | None = None,
    counted: Sequence[LimitUse] = (),
    accounts: Mapping[str, Account] | None = None,
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
        counted=counted,
        accounts=accounts or {},
        waiting=waiting,
        now=now,
    )
