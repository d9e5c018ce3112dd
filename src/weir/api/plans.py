"""Plans: the terms under which a product is offered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from weir.api.guarding import Asking, Using, new_router
from weir.api.identifying import Caller
from weir.api.models import Given, Name, Page, Shown, Text
from weir.api.products import visible
from weir.api.writing import Writes
from weir.shelf import plans, products
from weir.shelf.plans import Plan
from weir.shelf.pricing import schema, to_document
from weir.shelf.terms import limit_text, read_terms
from weir.store.unit import UnitOfWork

router = new_router("plans")

Limit = Annotated[
    int | str, Field(description="A whole number, 0 meaning none at all, or the word unlimited.")
]

PricingDocument = Annotated[
    dict[str, Any], WithJsonSchema(schema()), Field(description="What is charged: docs/money.md.")
]


class PlanGiven(Given):
    """Terms to offer. Prices are decimal strings in major units of the currency."""

    name: Text
    currency: Text
    pricing: PricingDocument
    rate_per_s: Limit
    quota: Limit
    quota_period: Text | None = None
    auto_approve: bool = False


class PlanView(Shown):
    """A plan. Its terms never change."""

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


@router.post(
    "/products/{product}/plans",
    operation_id="offer_plan",
    status_code=201,
    summary="Offer a product under a plan",
)
async def offer_plan(product: Name, given: PlanGiven, caller: Asking, writing: Writes) -> PlanView:
    terms = read_terms(**given.model_dump())

    async def work(unit: UnitOfWork) -> PlanView:
        await _own(unit, caller, product)
        return _view(await plans.offer(unit, product, terms))

    return await writing.run(PlanView, work)


@router.get("/products/{product}/plans", operation_id="list_plans", summary="A product's plans")
async def list_plans(product: Name, caller: Asking, services: Using) -> Page[PlanView]:
    async with services.database.connect() as connection:
        found = await visible(connection, caller, product)
        offered = await plans.of_product(connection, found.id)
    return Page(items=[_view(each) for each in offered])


@router.post(
    "/plans/{plan}/withdraw",
    operation_id="withdraw_plan",
    summary="Take no new subscriptions under a plan",
)
async def withdraw_plan(plan: Name, caller: Asking, writing: Writes) -> PlanView:
    async def work(unit: UnitOfWork) -> PlanView:
        found = await plans.get(unit.connection, plan)
        await _own(unit, caller, found.product)
        return _view(await plans.withdraw(unit, found.id))

    return await writing.run(PlanView, work)


async def _own(unit: UnitOfWork, caller: Caller, product: str) -> None:
    caller.reach((await products.get(unit.connection, product)).owner)


def _view(plan: Plan) -> PlanView:
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
        }
    )
