"""Backchannel requests (CIBA) that wait on a customer's own pages, asked like other consents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.backchannel import answers
from weir.authorization.backchannel import questions as open_questions
from weir.authorization.backchannel.questions import BackchannelRequest
from weir.authorization.declares import PAGE_EXPIRED
from weir.consent import directory
from weir.consent.directory import Account
from weir.consent.types import ConsentRequest
from weir.identity import customers
from weir.identity.customers import Customer
from weir.kernel.declares import INVALID_INPUT, NOT_FOUND
from weir.kernel.identifiers import is_identifier
from weir.kernel.outcomes import Fault, Refusal
from weir.partners import applications, organisations
from weir.partners.applications import Application
from weir.partners.organisations import Organisation
from weir.portal.consents.consent_page import template_of
from weir.portal.renderer import Portal, redirect, render, render_refusal
from weir.portal.visitor import Visitor, read_form


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """A backchannel request with its parties, under the names that the consent pages use."""

    asked: BackchannelRequest
    application: Application
    partner: Organisation
    member: Organisation
    customer: Customer | None
    accounts: Sequence[Account] = ()

    # A question of this kind leads to no other place, begins a grant, and asks one customer.
    returns: bool = False
    before: None = None
    kept: tuple[str, ...] = ()
    customers: tuple[Customer, ...] = ()
    openid: None = None

    @property
    def form(self) -> str:
        """The purpose of the form's token."""
        return f"question:{self.asked.consent}"

    @property
    def message(self) -> str:
        """The binding message, which the application shows too."""
        return self.asked.binding_message

    @property
    def ask(self) -> ConsentRequest:
        return self.asked.ask


async def show_list(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """List the questions that wait for the customer's answer, oldest first."""
    if visitor.person is None:
        return redirect("/sign-in?next=/my/questions")
    now = portal.database.clock.now()
    async with portal.database.connect() as connection:
        waiting = await open_questions.of_person(connection, visitor.person.id, now)
        questions = [await _parties(connection, each) for each in waiting]
    return render(request, visitor, "consents/my_questions.html", questions=questions, now=now)


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show one question, on the page that any consent of its type has. PAGE_EXPIRED once it is
    over.
    """
    if visitor.person is None or visitor.opened is None:
        return redirect(f"/sign-in?next={request.url.path}")
    question = await _own(portal, request, visitor)
    if not question.asked.open_at(portal.database.clock.now()):
        raise Refusal(PAGE_EXPIRED, "the question was answered, or is over")
    try:
        await answers.ask(portal.authorization, question.asked, visitor.person.id)
        question = await _with_accounts(portal, request, question)
    except Refusal as refusal:
        return _unavailable(request, visitor, question, refusal)
    return _page(portal, request, visitor, question)


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Take the answer; both a yes and a no need a sign-in."""
    if visitor.person is None or visitor.opened is None:
        return redirect(f"/sign-in?next={request.url.path}")
    question = await _own(portal, request, visitor)
    fields = await read_form(request, visitor, question.form)
    if fields.get("answer") != "yes":
        await answers.deny(portal.authorization, question.asked, visitor.person.id)
        return redirect("/my/questions")
    chosen = [value for name, value in fields.items() if name.startswith("account")]
    try:
        question = await _with_accounts(portal, request, question)
        accounts = directory.choose(question.accounts, chosen)
    except Refusal as refusal:
        if refusal.outcome is INVALID_INPUT:
            return _page(portal, request, visitor, question, chosen, refusal)
        return _unavailable(request, visitor, question, refusal)
    await answers.approve(portal.authorization, question.asked, visitor.opened, accounts)
    return redirect(f"/my/consents/{question.asked.consent}")


async def count(portal: Portal, connection: AsyncConnection, person: str) -> int:
    """Return the number of questions that wait for a person."""
    now = portal.database.clock.now()
    return len(await open_questions.of_person(connection, person, now))


async def _own(portal: Portal, request: Request, visitor: Visitor) -> OwnQuestion:
    consent = request.path_params["consent"]
    assert visitor.person is not None
    if is_identifier(consent, "cns"):
        async with portal.database.connect() as connection:
            found = await open_questions.find_of_person(connection, consent, visitor.person.id)
            if found is not None:
                return await _parties(connection, found)
    raise Refusal(NOT_FOUND, "not a question to this person")


async def _parties(connection: AsyncConnection, asked: BackchannelRequest) -> OwnQuestion:
    return OwnQuestion(
        asked,
        await applications.get(connection, asked.client),
        await organisations.get(connection, asked.partner),
        await organisations.get(connection, asked.member),
        await customers.find(connection, asked.customer or ""),
    )


async def _with_accounts(portal: Portal, request: Request, question: OwnQuestion) -> OwnQuestion:
    """Add the customer's accounts, as the member lists them."""
    member, customer = question.member, question.customer
    assert customer is not None, "a question of a person has its customer"
    accounts = await directory.accounts_of(
        portal.directory,
        member.directory_url,
        customer.customer_ref,
        request.headers.get("weir-interaction-id", question.asked.consent),
    )
    return replace(question, accounts=accounts)


def _page(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    question: OwnQuestion,
    chosen: Sequence[str] = (),
    refusal: Refusal | None = None,
) -> Response:
    template = template_of(question.ask)
    context: dict[str, Any] = {
        "question": question,
        "ask": question.ask,
        "chosen": chosen,
        "refusal": refusal,
        "now": portal.database.clock.now(),
    }
    return render(
        request,
        visitor,
        template if question.accounts else "consents/consent_nothing.html",
        status=refusal.outcome.status if refusal else 200,
        **context,
    )


def _unavailable(
    request: Request, visitor: Visitor, question: OwnQuestion, refusal: Refusal
) -> Response:
    """Show that the institution does not answer; the question still waits. PAGE_EXPIRED when the
    caller is at fault.
    """
    if refusal.outcome.fault is Fault.CALLER:
        return render_refusal(request, visitor, Refusal(PAGE_EXPIRED, refusal.detail))
    return render(
        request,
        visitor,
        "consents/consent_unavailable.html",
        status=refusal.outcome.status,
        outcome=refusal.outcome,
        question=question,
    )
