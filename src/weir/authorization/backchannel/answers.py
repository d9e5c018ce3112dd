"""Answers of customers to questions on their own devices (CIBA Core 1.0 section 8)."""

from __future__ import annotations

from weir.authorization.backchannel import questions
from weir.authorization.backchannel.questions import BackchannelRequest
from weir.authorization.declares import PAGE_EXPIRED
from weir.authorization.grammar.openid import OPENID, Authentication
from weir.authorization.grants import grants
from weir.authorization.services import Services
from weir.consent.transitions import open_request, record_grant, reject
from weir.identity import customers, subjects
from weir.identity.sessions import Session
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.store.unit import Actor, UnitOfWork


async def ask(services: Services, question: BackchannelRequest, person: str) -> None:
    """Record that this person has been shown the question."""
    async with services.database.unit(Actor(question.member, person)) as unit:
        await _open(unit, question)


async def approve(
    services: Services, question: BackchannelRequest, signed_in: Session, accounts: list[str]
) -> None:
    """Record the customer's yes: consent, grant and refresh token in one transaction.

    PAGE_EXPIRED when it is too late or was answered before, NOT_FOUND as for `deny`.
    """
    refresh_token = grants.new_refresh_token()
    sealed = services.sealing.seal(f"refresh:{question.consent}", refresh_token.encode())
    async with services.database.unit(Actor(question.member, signed_in.person)) as unit:
        customer = await _locked(unit, question, signed_in.person)
        await _open(unit, question)
        await record_grant(
            unit, question.consent, question.ask, customer=customer, accounts=accounts
        )
        await grants.record_without_code(
            unit,
            consent=question.consent,
            client=question.client,
            subject=await subjects.pairwise(unit, customer, question.partner),
            scope=question.scope,
            refresh_token=refresh_token,
            authentication=_authentication(question, signed_in),
        )
        await questions.decide(unit, question.consent, questions.GRANTED, sealed)


async def deny(services: Services, question: BackchannelRequest, person: str) -> None:
    """Record the customer's no. PAGE_EXPIRED as for `approve`; NOT_FOUND for another person's
    question.
    """
    async with services.database.unit(Actor(question.member, person)) as unit:
        customer = await _locked(unit, question, person)
        await _open(unit, question)
        await reject(unit, question.consent, customer)
        await questions.decide(unit, question.consent, questions.DENIED)


async def _locked(unit: UnitOfWork, question: BackchannelRequest, person: str) -> str:
    """Lock the open question and return its customer's identifier. NOT_FOUND, PAGE_EXPIRED.

    NOT_FOUND unless the question asks this person.
    """
    present = await questions.lock(unit, question.consent)
    found = await customers.find(unit.connection, present.customer or "")
    if found is None or found.person != person:
        raise Refusal(NOT_FOUND, f"{question.consent} does not ask {person}")
    if not present.open_at(unit.now):
        raise Refusal(PAGE_EXPIRED, "the question was answered, or is over")
    return found.id


def _authentication(question: BackchannelRequest, signed_in: Session) -> Authentication | None:
    if OPENID not in question.scope.split(" "):
        return None
    return Authentication(at_s=int(signed_in.opened_at.timestamp()), amr=signed_in.amr)


async def _open(unit: UnitOfWork, question: BackchannelRequest) -> None:
    await open_request(
        unit,
        question.consent,
        question.ask,
        application=question.client,
        partner=question.partner,
        member=question.member,
    )
