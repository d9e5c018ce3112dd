"""Plans: prices, limits and terms under which a product is offered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import MOMENT, Given, Name, Page, Shown, Text, read_moment
from weir.api.products.products import get_visible
from weir.api.writes import Writes
from weir.shelf import plans, price_changes, products
from weir.shelf.plans import Plan
from weir.shelf.price_changes import PlanChange
from weir.shelf.pricing import read_pricing, schema, to_document
from weir.shelf.terms import limit_text, read_terms
from weir.store.unit import UnitOfWork

router = new_router("plans")

Limit = Annotated[
    int | str, Field(description="A whole number, 0 meaning none at all, or the word unlimited.")
]

PricingDocument = Annotated[
    dict[str, Any],
    WithJsonSchema(schema()),
    Field(description="The price's components: docs/money.md."),
]


class PlanGiven(Given):
    """The terms of a plan. Prices are decimal strings in major units of the currency."""

    name: Text
    currency: Text
    pricing: PricingDocument
    rate_per_s: Limit
    quota: Limit
    quota_period: Text | None = None
    auto_approve: bool = False


class ChangeGiven(Given):
    """The price of the plan from a future day on."""

    pricing: PricingDocument
    effective_from: Annotated[str, Field(max_length=40, pattern=MOMENT)]


class ChangeView(Shown):
    """A later version of a plan's pricing."""

    version: int
    pricing: PricingDocument
    effective_from: datetime
    announced_at: datetime


class PlanView(Shown):
    """A plan. `pricing` is its first version, `changes` are the later ones: each call is charged by
    the version in force when it arrives. The plan's other terms never change.
    """

    id: str
    product: str
    name: str
    currency: str
    pricing: PricingDocument
    rate_per_s: int | Literal["unlimited"]
    quota: int | Literal["unlimited"]
    quota_period: Literal["day", "month"] | None
    auto_approve: bool
    status: Literal["offered", "withdrawn"]
    offered_at: datetime
    changes: list[ChangeView]


@router.post(
    "/products/{product}/plans",
    operation_id="offer_plan",
    status_code=201,
    summary="Offer a product under a plan",
)
async def offer_plan(
    product: Name, given: PlanGiven, caller: CallerDep, writing: Writes
) -> PlanView:
    terms = read_terms(**given.model_dump())

    async def work(unit: UnitOfWork) -> PlanView:
        await _own(unit, caller, product)
        return _view(await plans.offer(unit, product, terms), [])

    return await writing.run(PlanView, work)


@router.get(
    "/products/{product}/plans", operation_id="list_plans", summary="List a product's plans"
)
async def list_plans(product: Name, caller: CallerDep, services: ServicesDep) -> Page[PlanView]:
    async with services.database.connect() as connection:
        found = await get_visible(connection, caller, product)
        offered = await plans.of_product(connection, found.id)
        changes = await price_changes.of_plans(connection, [each.id for each in offered])
    return Page(items=[_view(each, changes.get(each.id, [])) for each in offered])


@router.post(
    "/plans/{plan}/withdraw",
    operation_id="withdraw_plan",
    summary="Accept no new subscriptions under a plan",
)
async def withdraw_plan(plan: Name, caller: CallerDep, writing: Writes) -> PlanView:
    async def work(unit: UnitOfWork) -> PlanView:
        found = await plans.get(unit.connection, plan)
        await _own(unit, caller, found.product)
        withdrawn = await plans.withdraw(unit, found.id)
        return _view(withdrawn, await price_changes.of_plan(unit.connection, found.id))

    return await writing.run(PlanView, work)


@router.post(
    "/plans/{plan}/changes",
    operation_id="change_plan",
    status_code=201,
    summary="Announce a plan's price from a future day on",
)
async def change_plan(
    plan: Name, given: ChangeGiven, caller: CallerDep, writing: Writes
) -> ChangeView:
    """Existing subscribers keep their price for the notice of 30 days."""
    pricing = read_pricing(given.pricing)
    effective_from = read_moment(given.effective_from)

    async def work(unit: UnitOfWork) -> ChangeView:
        found = await plans.get(unit.connection, plan)
        await _own(unit, caller, found.product)
        return _change(await price_changes.announce(unit, found.id, pricing, effective_from))

    return await writing.run(ChangeView, work)


@router.post(
    "/plans/{plan}/changes/take-back",
    operation_id="take_back_plan_change",
    summary="Withdraw a plan's newest price before it is in force",
)
async def take_back_plan_change(plan: Name, caller: CallerDep, writing: Writes) -> ChangeView:
    async def work(unit: UnitOfWork) -> ChangeView:
        found = await plans.get(unit.connection, plan)
        await _own(unit, caller, found.product)
        return _change(await price_changes.take_back(unit, found.id))

    return await writing.run(ChangeView, work)


async def _own(unit: UnitOfWork, caller: Caller, product: str) -> None:
    caller.reach((await products.get(unit.connection, product)).owner)


def _change(change: PlanChange) -> ChangeView:
    return ChangeView(
        version=change.version,
        pricing=to_document(change.pricing),
        effective_from=change.effective_from,
        announced_at=change.announced_at,
    )


def _view(plan: Plan, changes: Iterable[PlanChange]) -> PlanView:
    return PlanView.model_validate(
        {
            "id": plan.id,
            "product": plan.product,
            "name": plan.name,
            "currency": plan.currency,
            "pricing": to_document(plan.pricing),
            "rate_per_s": limit_text(plan.rate_per_s),
            "quota": limit_text(plan.quota),
            "quota_period": plan.quota_period,
            "auto_approve": plan.auto_approve,
            "status": plan.status,
            "offered_at": plan.offered_at,
            "changes": [_change(each) for each in changes],
        }
    )
