"""The consent page: one question in plain words, with yes and no of equal weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.declares import OAUTH_ACCESS_DENIED, OAUTH_INVALID_GRANT_ID, PAGE_EXPIRED
from weir.authorization.grammar.openid import OpenIdRequest
from weir.authorization.visits import interactions, pushed_requests
from weir.authorization.visits.pushed_requests import Interaction
from weir.authorization.visits.redirects import origin
from weir.consent import directory, grant_changes
from weir.consent.consents import Consent
from weir.consent.directory import Account
from weir.consent.grant_changes import Difference
from weir.consent.types import ConsentRequest
from weir.identity import customers
from weir.identity.customers import Customer
from weir.identity.people import Person
from weir.kernel.declares import CONFLICT, ILLEGAL_STATE, INVALID_INPUT, NOT_FOUND
from weir.kernel.identifiers import is_identifier
from weir.kernel.outcomes import Fault, Refusal
from weir.partners import applications, organisations
from weir.partners.applications import Application
from weir.partners.organisations import Organisation
from weir.portal.renderer import Portal, redirect, render, render_refusal
from weir.portal.visitor import Visitor, read_form


@dataclass(frozen=True, slots=True)
class Question:
    """An authorization request as the page shows it: the application that asks, the institution,
    and the customer who answers.
    """

    interaction: Interaction
    application: Application
    partner: Organisation
    member: Organisation
    customers: Sequence[Customer] = ()
    customer: Customer | None = None
    accounts: Sequence[Account] = ()
    before: Consent | None = None  # what stands on the grant that the request is to change

    returns: bool = True  # the application waits in this browser
    message: str | None = None

    @property
    def form(self) -> str:
        """The purpose of the form's token."""
        return f"interaction:{self.interaction.id}"

    @property
    def openid(self) -> OpenIdRequest | None:
        """The claims about the customer's name that the application asks for (OpenID Connect)."""
        return self.interaction.pushed.openid

    @property
    def widens(self) -> bool:
        """Whether a change adds to what was granted, rather than taking its place."""
        return self.interaction.pushed.action == "merge"

    @property
    def ask(self) -> ConsentRequest:
        """The terms of the grant after a yes."""
        pushed = self.interaction.pushed
        if self.before is None or self.before.granted is None:
            return pushed.ask
        return grant_changes.changed_request(pushed.action, self.before.granted, pushed.ask)

    @property
    def change(self) -> Difference | None:
        """The difference that a yes makes to the present grant; None when it begins a new one."""
        if self.before is None or self.before.granted is None:
            return None
        return grant_changes.difference(self.before.granted, self.ask)

    @property
    def kept(self) -> Sequence[str]:
        """Identifiers of the accounts that stay granted whatever the customer chooses."""
        return self.change.accounts_before if self.widens and self.change else ()


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the question, after a sign-in as recent as the application demands."""
    interaction = await _interaction(portal, request, visitor)
    question = await _parties(portal, interaction)
    if not interaction.open_at(portal.database.clock.now()):
        return await _over(portal, request, visitor, question, Refusal(PAGE_EXPIRED))
    if visitor.person is None or not _recently_signed_in(interaction, visitor):
        await portal.sessions.close(visitor.session)
        return redirect(f"/sign-in?next=/interactions/{interaction.id}")
    try:
        await interactions.ask(portal.authorization, interaction, visitor.person.id)
        question = await _ask_member(portal, request, visitor.person, question)
    except Refusal as refusal:
        return await _over(portal, request, visitor, question, refusal)
    return _page(portal, request, visitor, question)


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Take the answer. A yes needs a sign-in; a no does not."""
    interaction = await _interaction(portal, request, visitor)
    question = await _parties(portal, interaction)
    try:
        fields = await read_form(request, visitor, question.form)
        if fields.get("answer") == "yes" and visitor.person is not None:
            if not _recently_signed_in(interaction, visitor):
                return redirect(request.url.path)  # which asks for the sign-in
            return await _yes(portal, request, visitor, visitor.person, question, fields)
        return await _no(portal, request, visitor.person, question)
    except Refusal as refusal:
        return await _over(portal, request, visitor, question, refusal)


async def _yes(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    person: Person,
    question: Question,
    fields: dict[str, str],
) -> Response:
    """Grant the accounts chosen, after asking the member for the customer's accounts again."""
    question = await _ask_member(portal, request, person, question)
    chosen = [value for name, value in fields.items() if name.startswith("account")]
    try:
        accounts = directory.choose(question.accounts, chosen, kept=question.kept)
    except Refusal as refusal:
        if refusal.outcome is not INVALID_INPUT:
            raise
        return _page(portal, request, visitor, question, chosen, refusal)
    assert question.customer is not None
    assert visitor.opened is not None
    try:
        location = await interactions.approve(
            portal.authorization,
            question.interaction,
            signed_in=visitor.opened,
            customer=question.customer.id,
            accounts=accounts,
            basis=fields.get("basis"),
        )
    except Refusal as refusal:
        if refusal.outcome is not CONFLICT:
            raise
        return await _show_anew(portal, request, visitor, person, question, refusal)
    return redirect(location)


async def _show_anew(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    person: Person,
    question: Question,
    refusal: Refusal,
) -> Response:
    """Show the question anew, with CONFLICT, because the grant changed while the page was open and
    a yes would now change something else.
    """
    question = await _parties(portal, question.interaction)
    question = await _ask_member(portal, request, person, question)
    return _page(portal, request, visitor, question, refusal=refusal)


def _recently_signed_in(interaction: Interaction, visitor: Visitor) -> bool:
    """Whether the visitor's sign-in is as recent as the application demands."""
    wanted = interaction.pushed.openid
    if wanted is None or visitor.opened is None:
        return wanted is None
    return wanted.accepts(visitor.opened.opened_at, interaction.begun_at)


async def _no(
    portal: Portal, request: Request, person: Person | None, question: Question
) -> Response:
    """Deny the request; a known person's denial stays among the customer's consents."""
    if person is not None:
        question = await _as_customer(portal, request, person, question)
    location = await interactions.deny(
        portal.authorization,
        question.interaction,
        person=person.id if person else None,
        customer=question.customer.id if question.customer else None,
    )
    return redirect(location)


async def _interaction(portal: Portal, request: Request, visitor: Visitor) -> Interaction:
    interaction_id = request.path_params["interaction"]
    if not is_identifier(interaction_id, "int"):
        raise Refusal(NOT_FOUND, "not an interaction")
    found = await pushed_requests.find(portal.authorization.cache, interaction_id, visitor.visit)
    if found is None:
        raise Refusal(PAGE_EXPIRED, "unknown interaction, or another browser's")
    return found


async def _parties(portal: Portal, interaction: Interaction) -> Question:
    pushed = interaction.pushed
    async with portal.database.connect() as connection:
        return Question(
            interaction,
            await applications.get(connection, pushed.client),
            await organisations.get(connection, pushed.organisation),
            await organisations.get(connection, pushed.member),
            before=await interactions.present_consent(connection, pushed),
        )


async def _as_customer(
    portal: Portal, request: Request, person: Person, question: Question
) -> Question:
    """Choose the person's customer at this member who answers: the one the address names, else the
    first.

    A grant is changed only by the customer who gave it.
    """
    async with portal.database.connect() as connection:
        known = await customers.at_member(connection, person.id, question.member.id)
    own = [each for each in known if interactions.may_answer(each, question.interaction.pushed)]
    if question.before is not None:
        own = [each for each in own if each.id == question.before.customer]
    asked_as = request.query_params.get("customer")
    customer = next((each for each in own if each.id == asked_as), own[0] if own else None)
    return replace(question, customers=own, customer=customer)


async def _ask_member(
    portal: Portal, request: Request, person: Person, question: Question
) -> Question:
    """Add the customer's accounts, as the member lists them. OAUTH_INVALID_GRANT_ID when the grant
    to change has ended.
    """
    question = await _as_customer(portal, request, person, question)
    if question.interaction.pushed.grant_id is not None and question.before is None:
        raise Refusal(OAUTH_INVALID_GRANT_ID, "the grant has ended")
    member, customer = question.member, question.customer
    if customer is None:
        return question
    accounts = await directory.accounts_of(
        portal.directory,
        member.directory_url,
        customer.customer_ref,
        request.headers.get("weir-interaction-id", question.interaction.id),
    )
    return replace(question, accounts=accounts)


def template_of(ask: ConsentRequest) -> str:
    """Return the template of the page that asks for a consent of this type."""
    if ask.single_use:
        return "consents/consent_payment.html"
    return "consents/consent_recurring.html" if ask.pays else "consents/consent_accounts.html"


def _page(
    portal: Portal,
    request: Request,
    visitor: Visitor,
    question: Question,
    chosen: Sequence[str] = (),
    refusal: Refusal | None = None,
) -> Response:
    pushed = question.interaction.pushed
    template = template_of(pushed.ask)
    if question.change is not None:
        template = "consents/consent_change.html"
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
        template if question.customer and question.accounts else "consents/consent_nothing.html",
        status=refusal.outcome.status if refusal else 200,
        leads_to=origin(pushed.redirect_uri),
        **context,
    )


async def _over(
    portal: Portal, request: Request, visitor: Visitor, question: Question, refusal: Refusal
) -> Response:
    """Show a page that leads back to the application when the question cannot be asked."""
    pushed = question.interaction.pushed
    if refusal.outcome in (ILLEGAL_STATE, PAGE_EXPIRED) or question.interaction.answered:
        refusal = Refusal(PAGE_EXPIRED, refusal.detail)
        way_back = await interactions.refusal_address(
            portal.authorization, pushed, OAUTH_ACCESS_DENIED
        )
        if question.interaction.answered:  # the application has its answer already
            way_back = origin(pushed.redirect_uri)
        return render_refusal(
            request, visitor, refusal, way_back=way_back, way_back_name=question.application.name
        )
    if refusal.outcome is OAUTH_INVALID_GRANT_ID:
        way_back = await interactions.refusal_address(portal.authorization, pushed, refusal.outcome)
        return render_refusal(
            request, visitor, refusal, way_back=way_back, way_back_name=question.application.name
        )
    if refusal.outcome.fault is Fault.CALLER:
        raise refusal
    return render(
        request,
        visitor,
        "consents/consent_unavailable.html",
        status=refusal.outcome.status,
        leads_to=origin(pushed.redirect_uri),
        outcome=refusal.outcome,
        question=question,
    )
