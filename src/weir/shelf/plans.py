"""Plans: the terms under which a product may be called. `price_changes` changes their prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import CONFLICT, ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.shelf import products
from weir.shelf.declares import PRODUCT_PLANS
from weir.shelf.pricing import Pricing, read_pricing, to_document
from weir.shelf.search import index
from weir.shelf.tables import plans
from weir.shelf.terms import Terms, limit_text
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan as stored. `rate_per_s` or `quota` None is unlimited."""

    id: str
    product: str
    name: str
    currency: str
    pricing: Pricing
    rate_per_s: int | None
    quota: int | None
    quota_period: str | None
    auto_approve: bool
    status: str
    offered_at: datetime


async def offer(unit: UnitOfWork, product_id: str, terms: Terms) -> Plan:
    """Offer a product under checked terms. Refusals: CONFLICT when a plan has this name, or there
    are too many; ILLEGAL_STATE when the product is retired.
    """
    product = await products.lock(unit.connection, product_id)
    if product.status == "retired":
        raise Refusal(ILLEGAL_STATE, state=product.status)
    await _refuse_too_many(unit.connection, product.id)
    added = await unit.connection.execute(
        insert(plans)
        .values(
            id=unit.mint("pln"),
            product=product.id,
            **asdict(terms) | {"pricing": to_document(terms.pricing)},
            status="offered",
            offered_at=unit.now,
        )
        .on_conflict_do_nothing()
        .returning(plans)
    )
    row = added.one_or_none()
    if row is None:
        raise Refusal(CONFLICT, pointer="/name", why="is already taken", why_zh="已被占用")
    plan = _plan(row)
    await index.index_prices(unit.connection, product.id)
    unit.audit("plan.offered", plan.id, _detail(plan), organisation=product.owner)
    return plan


async def withdraw(unit: UnitOfWork, plan_id: str) -> Plan:
    """Take no new subscriptions under a plan. Existing ones keep it.

    Refusals: NOT_FOUND, ILLEGAL_STATE when it is withdrawn already.
    """
    plan = await get(unit.connection, plan_id)
    product = await products.get(unit.connection, plan.product)
    changed = await unit.connection.execute(
        update(plans)
        .where(plans.c.id == plan_id, plans.c.status == "offered")
        .values(status="withdrawn")
        .returning(plans)
    )
    row = changed.one_or_none()
    if row is None:
        raise Refusal(ILLEGAL_STATE, state=plan.status)
    await index.index_prices(unit.connection, product.id)
    unit.audit("plan.withdrawn", plan_id, {"name": plan.name}, organisation=product.owner)
    return _plan(row)


async def get(connection: AsyncConnection, plan_id: str) -> Plan:
    """Return the plan. NOT_FOUND."""
    found = await connection.execute(select(plans).where(plans.c.id == plan_id))
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such plan")
    return _plan(row)


async def of_product(connection: AsyncConnection, product_id: str) -> Sequence[Plan]:
    """Return a product's plans, withdrawn ones too, oldest first; at most PRODUCT_PLANS."""
    rows = await connection.execute(
        select(plans).where(plans.c.product == product_id).order_by(plans.c.id)
    )
    return [_plan(row) for row in rows]


async def _refuse_too_many(connection: AsyncConnection, product_id: str) -> None:
    counted = await connection.execute(
        select(func.count()).select_from(plans).where(plans.c.product == product_id)
    )
    if counted.scalar_one() >= PRODUCT_PLANS:
        most = PRODUCT_PLANS
        raise Refusal(
            CONFLICT,
            why=f"a product has at most {most} plans",
            why_zh=f"最多 {most} 个套餐",
        )


def _detail(plan: Plan) -> dict[str, Any]:
    """Return the plan's terms as detail of an audit entry."""
    return {
        "product": plan.product,
        "name": plan.name,
        "pricing": to_document(plan.pricing),
        "currency": plan.currency,
        "rate_per_s": limit_text(plan.rate_per_s),
        "quota": limit_text(plan.quota),
        "quota_period": plan.quota_period,
    }


def _plan(row: Row[Any]) -> Plan:
    return Plan(**{**row._mapping, "pricing": read_pricing(row.pricing)})
