"""Agreements: how a product's revenue is split, proposed and accepted by everybody concerned."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from weir.alliance import agreements
from weir.alliance.agreements import Agreement
from weir.alliance.shares import Billable, Rounding
from weir.api.guarding import Asking, Using, new_router
from weir.api.models import Given, Name, Page, Shown, Text
from weir.api.writing import Writes
from weir.kernel import inputs
from weir.settlement import trying
from weir.shelf import products
from weir.store.unit import UnitOfWork

router = new_router("agreements")

_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"


class TierGiven(Given):
    """`weight` basis points up to `up_to` of the gross, in major units; null in the last tier."""

    up_to: Text | None
    weight: int


class ShareGiven(Given):
    """A term: `party` (a role or an organisation's identifier) and one of four.

    `weight` in basis points; `tiers` of them; `fixed` `per` call, or per month with `paid_by`;
    `minimum` a month with `paid_by`.
    """

    party: Text
    weight: int | None = None
    tiers: Annotated[list[TierGiven], Field(max_length=100)] | None = None
    fixed: Text | None = None
    per: Literal["call", "month"] | None = None
    minimum: Text | None = None
    paid_by: Text | None = None


class AgreementGiven(Given):
    """A split to propose. It takes effect when all have accepted, at `effective_from` at best."""

    effective_from: Annotated[str, Field(max_length=40, pattern=_MOMENT)]
    currency: Text
    shares: Annotated[list[ShareGiven], Field(max_length=100)]
    billable: Billable = "succeeded"
    rounding: Rounding = "half_even"


class TierView(Shown):
    """A tier of a share, by the gross in major units."""

    up_to: str | None
    weight: int


_Given = Field(exclude_if=lambda value: value is None)


class ShareView(Shown):
    """One term of a split, as it was given: `weight`, `tiers`, `fixed` or `minimum`."""

    party: str
    weight: Annotated[int | None, _Given] = None
    tiers: Annotated[list[TierView] | None, _Given] = None
    fixed: Annotated[str | None, _Given] = None
    per: Annotated[Literal["call", "month"] | None, _Given] = None
    minimum: Annotated[str | None, _Given] = None
    paid_by: Annotated[str | None, _Given] = None


class AgreementView(Shown):
    """One version of a split. In force from `effective_at`, once all of `needed` have accepted."""

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
    effective_from: datetime
    effective_at: datetime | None
    ended_at: datetime | None
    status: Literal["proposed", "in_force", "ended"]


class ResultView(Shown):
    """What a party would have had: its shares less what it owes."""

    party: str
    today_minor: int
    proposed_minor: int
    difference_minor: int


class TrialView(Shown):
    """A past period of a product under an agreement. `records` are the calls to the product."""

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
    product: Name, given: AgreementGiven, caller: Asking, writing: Writes
) -> AgreementView:
    facts: dict[str, Any] = given.model_dump()
    facts["shares"] = [share.model_dump(exclude_unset=True) for share in given.shares]
    facts["effective_from"] = _moment(given.effective_from)

    async def work(unit: UnitOfWork) -> AgreementView:
        caller.reach((await products.get(unit.connection, product)).owner)
        return _view(await agreements.propose(unit, product=product, **facts), unit.now)

    return await writing.run(AgreementView, work)


@router.get(
    "/products/{product}/agreements",
    operation_id="list_agreements",
    summary="A product's agreements you are a party to, newest first",
)
async def list_agreements(product: Name, caller: Asking, services: Using) -> Page[AgreementView]:
    now = services.database.clock.now()
    async with services.database.connect() as connection:
        found = await agreements.of_product(connection, product, caller.organisation.id)
    return Page(items=[_view(each, now) for each in found])


@router.post(
    "/agreements/{agreement}/accept",
    operation_id="accept_agreement",
    summary="Accept an agreement for your organisation",
)
async def accept_agreement(agreement: Name, writing: Writes) -> AgreementView:
    async def work(unit: UnitOfWork) -> AgreementView:
        # The room checks that the actor's organisation is a party.
        return _view(await agreements.accept(unit, agreement), unit.now)

    return await writing.run(AgreementView, work)


@router.post(
    "/agreements/{agreement}/end",
    operation_id="end_agreement",
    summary="Decline a proposal, or end an agreement now",
)
async def end_agreement(agreement: Name, writing: Writes) -> AgreementView:
    async def work(unit: UnitOfWork) -> AgreementView:
        # The room checks that the actor's organisation is a party.
        return _view(await agreements.end(unit, agreement), unit.now)

    return await writing.run(AgreementView, work)


@router.get(
    "/agreements/{agreement}/trial",
    operation_id="try_agreement",
    summary="What a past period would have come to under an agreement, beside today's",
)
async def try_agreement(
    agreement: Name,
    caller: Asking,
    services: Using,
    period: Annotated[str, Query(max_length=80, description="A month, or two UTC times.")],
) -> TrialView:
    """Parties of the agreement see their own result, the operator all. Nothing is written."""
    tried = await trying.try_agreement(
        services.database, services.lake, agreement, period, caller.organisation.id
    )
    return TrialView.model_validate(tried)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        why = "must be an RFC 3339 date and time with offset"
        raise inputs.wrong("/effective_from", why, "须为带时区的 RFC 3339 日期时间") from error


def _view(agreement: Agreement, now: datetime) -> AgreementView:
    fields = {
        name: getattr(agreement, name) for name in AgreementView.model_fields if name != "status"
    }
    fields["shares"] = [share.document() for share in agreement.shares]
    return AgreementView.model_validate({**fields, "status": agreement.status(now)})
