"""Agreements: how a product's revenue is split, proposed and accepted by everybody concerned."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from weir.alliance import agreements
from weir.alliance.agreements import Agreement
from weir.alliance.shares import Billable, Rounding
from weir.api.guarding import Asking, Using, new_router
from weir.api.models import Given, Name, Page, Shown, Text
from weir.api.writing import Writes
from weir.kernel import inputs
from weir.shelf import products
from weir.store.unit import UnitOfWork

router = new_router("agreements")

_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"


class ShareGiven(Given):
    """`party` is a role or an organisation's identifier; `weight` is in basis points."""

    party: Text
    weight: int


class AgreementGiven(Given):
    """A split to propose. It takes effect when all have accepted, at `effective_from` at best."""

    effective_from: Annotated[str, Field(max_length=40, pattern=_MOMENT)]
    currency: Text
    shares: Annotated[list[ShareGiven], Field(max_length=100)]
    billable: Billable = "succeeded"
    rounding: Rounding = "half_even"


class ShareView(Shown):
    """One party's share in basis points."""

    party: str
    weight: int


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
    return AgreementView.model_validate({**fields, "status": agreement.status(now)})
