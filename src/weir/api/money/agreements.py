"""Agreements: proposals of a revenue split, countered and signed by all parties concerned."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import Query
from pydantic import Field

from weir.agreements import agreements
from weir.agreements.agreements import Agreement
from weir.agreements.shares import Billable, Rounding
from weir.api.callers import Caller, present_role
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import MOMENT, After, Given, Name, Page, Shown, Text, next_of, read_moment
from weir.api.writes import Writes
from weir.kernel.declares import SIGNATURE_CHARACTERS
from weir.kernel.inputs import wrong
from weir.kernel.outcomes import Refusal
from weir.kernel.signed_terms import certificate_named
from weir.partners import certificates
from weir.partners.applications import Application
from weir.settlement.closing import what_if
from weir.shelf import products
from weir.store.unit import UnitOfWork

router = new_router("agreements")


class TierGiven(Given):
    """`weight` basis points of the gross up to `up_to`, in major units; null in the last tier."""

    up_to: Text | None
    weight: int


class ShareGiven(Given):
    """One term of a split, for `party`: a role, or an organisation's identifier.

    Give exactly one kind: `weight` in basis points; `tiers` of such weights; `fixed` with `per`
    `call`, with `per` `customer` and `days`, or with `per` `month` and `paid_by`; or a `minimum` a
    month with `paid_by`. With `scene` or `referrer` only calls or customers from there count.
    """

    party: Text
    weight: int | None = None
    tiers: Annotated[list[TierGiven], Field(max_length=100)] | None = None
    fixed: Text | None = None
    per: Literal["call", "customer", "month"] | None = None
    scene: Text | None = None
    referrer: Text | None = None
    days: int | None = None
    minimum: Text | None = None
    paid_by: Text | None = None


class AgreementGiven(Given):
    """A split to propose. It takes effect once all have accepted, never before `effective_from`."""

    effective_from: Annotated[str, Field(max_length=40, pattern=MOMENT)]
    currency: Text
    shares: Annotated[list[ShareGiven], Field(max_length=100)]
    billable: Billable = "succeeded"
    rounding: Rounding = "half_even"


class CounterGiven(Given):
    """Other terms for the same product in the same currency."""

    effective_from: Annotated[str, Field(max_length=40, pattern=MOMENT)]
    shares: Annotated[list[ShareGiven], Field(max_length=100)]
    billable: Billable = "succeeded"
    rounding: Rounding = "half_even"


class AcceptanceGiven(Given):
    """Your signature: a JWS with detached payload over the bytes of `terms`.

    Its header has `typ` `weir-terms+jws`, and in `x5t#S256` the thumbprint of the signer's
    certificate. An application signs with the key of the client certificate it sends this request
    with. A person sends the signature of one of the organisation's applications that has the role
    `manage`.
    """

    signature: Annotated[str, Field(max_length=SIGNATURE_CHARACTERS)]


class TierView(Shown):
    """A tier of a share, by the gross in major units."""

    up_to: str | None
    weight: int


_Given = Field(exclude_if=lambda value: value is None)


class ShareView(Shown):
    """One term of a split, as it was proposed: `weight`, `tiers`, `fixed` or `minimum`."""

    party: str
    weight: Annotated[int | None, _Given] = None
    tiers: Annotated[list[TierView] | None, _Given] = None
    fixed: Annotated[str | None, _Given] = None
    per: Annotated[Literal["call", "customer", "month"] | None, _Given] = None
    scene: Annotated[str | None, _Given] = None
    referrer: Annotated[str | None, _Given] = None
    days: Annotated[int | None, _Given] = None
    minimum: Annotated[str | None, _Given] = None
    paid_by: Annotated[str | None, _Given] = None


class AgreementView(Shown):
    """One version of a split, in force from `effective_at` on, once all of `needed` have accepted.

    `counters` is the proposal that it answers.
    """

    id: str
    product: str
    owner: str
    version: int
    currency: str
    shares: list[ShareView]
    billable: Billable
    rounding: Rounding
    needed: list[str]
    accepted: list[str]
    proposed_by: str
    proposed_at: datetime
    counters: str | None
    effective_from: datetime
    effective_at: datetime | None
    ended_at: datetime | None
    status: Literal["proposed", "declined", "in_force", "ended"]


class SignatureView(Shown):
    """A party's signature of the terms: `certificate` in PEM, `jws` as the party sent it."""

    organisation: str
    application: str
    certificate: str
    jws: str


class SignedAgreementView(AgreementView):
    """An agreement with its signatures and the text that they sign, `terms`."""

    terms: str
    signatures: list[SignatureView]


class ResultView(Shown):
    """A party's result, its shares less what it owes: under today's terms and the proposed ones."""

    party: str
    today_minor: int
    proposed_minor: int
    difference_minor: int


class TrialView(Shown):
    """A past period of a product, computed again under an agreement. `records` counts its calls."""

    agreement: str
    product: str
    period: str
    currency: str
    records: int
    results: list[ResultView]


@router.post(
    "/products/{product}/agreements",
    operation_id="propose_agreement",
    status_code=201,
    summary="Propose how a product's revenue is split",
)
async def propose_agreement(
    product: Name, given: AgreementGiven, caller: CallerDep, writing: Writes
) -> SignedAgreementView:
    """A proposal is not an acceptance: accept it as well, by signing its terms."""
    facts = _facts(given)

    async def work(unit: UnitOfWork) -> SignedAgreementView:
        caller.reach((await products.get(unit.connection, product)).owner)
        return _signed(await agreements.propose(unit, product=product, **facts), unit.now)

    return await writing.run(SignedAgreementView, work)


@router.get(
    "/products/{product}/agreements",
    operation_id="list_agreements",
    summary="List your agreements on one product, newest first",
)
async def list_agreements(
    product: Name, caller: CallerDep, services: ServicesDep
) -> Page[AgreementView]:
    now = services.database.clock.now()
    async with services.database.connect() as connection:
        found = await agreements.of_product(connection, product, caller.organisation.id)
    return Page(items=[_view(AgreementView, each, now) for each in found])


@router.get(
    "/agreements",
    operation_id="list_own_agreements",
    summary="List all your agreements, newest first",
)
async def list_own_agreements(
    caller: CallerDep, services: ServicesDep, after: After = ""
) -> Page[AgreementView]:
    """The operator gets the agreements of all parties."""
    now = services.database.clock.now()
    async with services.database.connect() as connection:
        found = await agreements.of_party(connection, caller.organisation.id, after)
    items = [_view(AgreementView, each, now) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/agreements/{agreement}",
    operation_id="get_agreement",
    summary="Get one agreement with its terms and signatures",
)
async def get_agreement(
    agreement: Name, caller: CallerDep, services: ServicesDep
) -> SignedAgreementView:
    now = services.database.clock.now()
    async with services.database.connect() as connection:
        # The room shows it to its parties, its proposer and the operator.
        held = await agreements.seen_by(connection, agreement, caller.organisation.id)
    return _signed(held, now)


@router.post(
    "/agreements/{agreement}/counter",
    operation_id="counter_agreement",
    status_code=201,
    summary="Answer a proposal with other terms",
)
async def counter_agreement(
    agreement: Name, given: CounterGiven, writing: Writes
) -> SignedAgreementView:
    """The proposal is declined. The answer is the product's next version, not accepted yet."""
    facts = _facts(given)

    async def work(unit: UnitOfWork) -> SignedAgreementView:
        # The room checks that the actor's organisation is a party.
        return _signed(await agreements.counter(unit, agreement, **facts), unit.now)

    return await writing.run(SignedAgreementView, work)


@router.post(
    "/agreements/{agreement}/accept",
    operation_id="accept_agreement",
    summary="Accept an agreement for your organisation",
)
async def accept_agreement(
    agreement: Name, given: AcceptanceGiven, caller: CallerDep, writing: Writes
) -> SignedAgreementView:
    async def work(unit: UnitOfWork) -> SignedAgreementView:
        # The room checks that the actor's organisation is a party.
        application, pem = await _signer(unit, caller, given.signature)
        held = await agreements.accept(
            unit, agreement, given.signature, application=application, certificate_pem=pem
        )
        return _signed(held, unit.now)

    return await writing.run(SignedAgreementView, work)


@router.post(
    "/agreements/{agreement}/end",
    operation_id="end_agreement",
    summary="Decline a proposal, or end an agreement now",
)
async def end_agreement(agreement: Name, writing: Writes) -> SignedAgreementView:
    async def work(unit: UnitOfWork) -> SignedAgreementView:
        # The room checks that the actor's organisation is a party.
        return _signed(await agreements.end(unit, agreement), unit.now)

    return await writing.run(SignedAgreementView, work)


@router.get(
    "/agreements/{agreement}/trial",
    operation_id="try_agreement",
    summary="Compute a past period again under an agreement, and compare it with today's terms",
)
async def try_agreement(
    agreement: Name,
    caller: CallerDep,
    services: ServicesDep,
    period: Annotated[str, Query(max_length=80, description="A month, or two UTC times.")],
) -> TrialView:
    """A party of the agreement gets its own result, the operator everybody's. Nothing is stored."""
    tried = await what_if.try_agreement(
        services.database, services.lake, agreement, period, caller.organisation.id
    )
    return TrialView.model_validate(tried)


async def _signer(unit: UnitOfWork, caller: Caller, jws: str) -> tuple[str, str]:
    """Return the identifier of the application that signs, and its certificate in PEM.

    That is the application that asks; for a person, the application of the person's organisation
    that the signature names. INVALID_INPUT when there is none.
    """
    if caller.thumbprint is not None:
        pem = await certificates.pem_of(unit.connection, caller.thumbprint)
        return caller.subject, pem
    named = certificate_named(jws) or ""
    signer = await certificates.signer_of(unit.connection, caller.organisation.id, named, unit.now)
    if signer is None or not await _may_sign(unit, caller, signer[0]):
        raise wrong(
            "/signature",
            "is not by a valid certificate of an application of yours that may act for you",
            "不是由本机构有权代表机构的应用以有效证书签署",
        )
    return signer[0].id, signer[1]


async def _may_sign(unit: UnitOfWork, caller: Caller, application: Application) -> bool:
    """Whether the application could have accepted by itself, in the role it acts in now."""
    try:
        role = await present_role(unit.connection, application)
    except Refusal:
        return False
    return caller.rule.permits_program(caller.kind, role)


def _facts(given: AgreementGiven | CounterGiven) -> dict[str, Any]:
    """Return the terms given, as keyword arguments of `agreements.propose` and `counter`."""
    facts: dict[str, Any] = given.model_dump()
    facts["shares"] = [share.model_dump(exclude_unset=True) for share in given.shares]
    facts["effective_from"] = read_moment(given.effective_from)
    return facts


_View = TypeVar("_View", bound=AgreementView)


def _view(form: type[_View], agreement: Agreement, now: datetime, **more: Any) -> _View:
    derived = {"status", "terms", "signatures"}
    fields = {name: getattr(agreement, name) for name in form.model_fields if name not in derived}
    fields["shares"] = [share.document() for share in agreement.shares]
    return form.model_validate({**fields, "status": agreement.status(now), **more})


def _signed(agreement: Agreement, now: datetime) -> SignedAgreementView:
    signatures = [msgspec.to_builtins(each) for each in agreement.signatures]
    more = {"terms": agreement.terms(), "signatures": signatures}
    return _view(SignedAgreementView, agreement, now, **more)
