"""Answers to an authorization request: the consent pages' acts, and the way back.

A request is answered once. The consent's row decides that, under a lock: of two answers, from two
tabs or a doubled click, one is taken.
"""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncConnection

from weir.authorization.declares import OAUTH_ACCESS_DENIED, PAGE_EXPIRED, RESPONSE_JWT_LIFETIME_S
from weir.authorization.exchange import PushedRequest
from weir.authorization.grammar.openid import Authentication
from weir.authorization.grants import grants
from weir.authorization.services import Services
from weir.authorization.visits import grant_outcomes, pushed_requests, redirects
from weir.authorization.visits.pushed_requests import Interaction
from weir.consent import consents
from weir.consent.consents import Consent
from weir.consent.states import State
from weir.consent.transitions import open_request, reject
from weir.consent.withdrawals import confirm
from weir.identity import customers, subjects
from weir.identity.customers import Customer
from weir.identity.sessions import Session
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Outcome, Refusal
from weir.store.unit import Actor, UnitOfWork


async def ask(services: Services, interaction: Interaction, person: str) -> None:
    """Record that this person is being asked."""
    pushed = interaction.pushed
    async with services.database.unit(Actor(pushed.member, person)) as unit:
        await _open(unit, pushed)


async def approve(
    services: Services,
    interaction: Interaction,
    *,
    signed_in: Session,
    customer: str,
    accounts: list[str],
    basis: str | None = None,
) -> str:
    """Record the customer's yes. Return the address to redirect to (RFC 6749 section 4.1.2).

    `basis` is the consent that the page showed the changes against, when a grant is changed.
    PAGE_EXPIRED when it is too late; ILLEGAL_STATE when the question was answered before; CONFLICT
    when the grant was changed since the page was made; OAUTH_INVALID_GRANT_ID when it has ended.
    """
    pushed, person = interaction.pushed, signed_in.person
    async with services.database.unit(Actor(pushed.member, person)) as unit:
        if not interaction.open_at(unit.now):
            raise Refusal(PAGE_EXPIRED, "interaction over")
        await _require_own(unit, pushed, person, customer)
        await _open(unit, pushed)
        granted = await grant_outcomes.grant(unit, pushed, customer, accounts, basis)
        code = await grants.record(
            unit,
            consent=pushed.consent,
            grant_id=granted.grant_id,
            client=pushed.client,
            subject=await subjects.pairwise(unit, customer, pushed.organisation),
            scope=granted.scope,
            redirect_uri=pushed.redirect_uri,
            code_challenge=pushed.code_challenge,
            certificate=pushed.certificate,
            dpop_jkt=pushed.dpop_jkt,
            authentication=_authentication(pushed, signed_in),
        )
    if granted.replaced is not None:
        await confirm(services.database, granted.replaced)
    await pushed_requests.end(services.cache, interaction)
    return await _back(services, pushed, {"code": code})


def _authentication(pushed: PushedRequest, signed_in: Session) -> Authentication | None:
    """Return the sign-in for an ID token, when one was asked for."""
    wanted = pushed.openid
    if wanted is None:
        return None
    return Authentication(
        at_s=int(signed_in.opened_at.timestamp()),
        amr=signed_in.amr,
        nonce=wanted.nonce,
        id_token=wanted.id_token,
        userinfo=wanted.userinfo,
        intent=wanted.intent,
    )


async def deny(
    services: Services, interaction: Interaction, *, person: str | None, customer: str | None
) -> str:
    """Record the customer's no, or a way out. Return the address to redirect to."""
    pushed = interaction.pushed
    if interaction.open_at(services.database.clock.now()):
        async with services.database.unit(Actor(pushed.member, person or "visitor")) as unit:
            await _open(unit, pushed)
            await reject(unit, pushed.consent, customer)
        await pushed_requests.end(services.cache, interaction)
    return await refusal_address(services, pushed, OAUTH_ACCESS_DENIED)


async def present_consent(connection: AsyncConnection, pushed: PushedRequest) -> Consent | None:
    """Return the consent that the request is to change; None when there is none (any more)."""
    if pushed.grant_id is None:
        return None
    grant = await grants.of_grant_id(connection, pushed.grant_id, pushed.client)
    consent = None if grant is None else await consents.find(connection, grant.current)
    return consent if consent is not None and consent.state is State.GRANTED else None


async def refusal_address(services: Services, pushed: PushedRequest, outcome: Outcome) -> str:
    """Return the address of the error response (RFC 6749 section 4.1.2.1).

    Its words in Chinese are behind `error_uri`.
    """
    return await _back(
        services,
        pushed,
        {
            "error": outcome.oauth or "server_error",
            "error_description": outcome.en,
            "error_uri": f"{services.addresses.issuer}/errors/{quote(outcome.code)}",
        },
    )


async def _back(services: Services, pushed: PushedRequest, parameters: dict[str, str]) -> str:
    """Return the address to redirect to, with `state` verbatim and our `iss` (RFC 9207).

    In a signed answer, if one was asked for, and nowhere beside it (JARM sections 2.1 and 2.3.1).
    """
    issuer = services.addresses.issuer
    told: dict[str, str | None] = {**parameters, "state": pushed.state, "iss": issuer}
    if pushed.signed_answer:
        ends_at_s = int(services.database.clock.now().timestamp()) + RESPONSE_JWT_LIFETIME_S
        claims = {name: value for name, value in told.items() if value is not None}
        signed = {**claims, "aud": pushed.client, "exp": ends_at_s}
        token = await services.signer.sign_jwt(signed, "JWT", rehearsing=pushed.rehearses)
        told = {"response": token}
    return redirects.with_parameters(pushed.redirect_uri, told)


def may_answer(customer: Customer, pushed: PushedRequest) -> bool:
    """Whether a customer is of the kind that the request is put to.

    An organisation in the sandbox asks its own test customers only: it has not been admitted.
    """
    if customer.tried_by is None:
        return not (pushed.trial or pushed.sandbox)
    return customer.tried_by == pushed.organisation


async def _require_own(unit: UnitOfWork, pushed: PushedRequest, person: str, customer: str) -> None:
    """Refuse an answer for another person's customer, or for another member's. NOT_FOUND.

    Trials are answered by test customers, who answer nothing but their own organisation.
    """
    found = await customers.find(unit.connection, customer)
    if (
        found is None
        or found.person != person
        or found.member != pushed.member
        or not may_answer(found, pushed)
    ):
        raise Refusal(NOT_FOUND, f"{customer} is not {person} at {pushed.member}")


async def _open(unit: UnitOfWork, pushed: PushedRequest) -> None:
    await open_request(
        unit,
        pushed.consent,
        pushed.ask,
        application=pushed.client,
        partner=pushed.organisation,
        member=pushed.member,
    )
