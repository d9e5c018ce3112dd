"""Changes of a plan's price: a new version of its pricing from a future time on.

Calls are charged by the version in force when they arrived. A subscriber keeps the price it agreed
to for as long as the notice lasts, and may end the subscription meanwhile; a plan without
subscriptions may change at once. A version that is in force never changes any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.shelf import plans, products
from weir.shelf.declares import PLAN_CHANGES, PLAN_NOTICE_DAYS
from weir.shelf.pricing import Pricing, read_pricing, to_document
from weir.shelf.tables import plan_changes, subscriptions
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A later version of a plan's pricing; the first version is the plan's own."""

    plan: str
    version: int
    pricing: Pricing
    effective_from: datetime
    announced_at: datetime


async def announce(
    unit: UnitOfWork, plan_id: str, pricing: Pricing, effective_from: datetime
) -> PlanChange:
    """Announce a plan's next version.

    INVALID_INPUT when it would take effect sooner than the notice allows, or before another
    version; CONFLICT when there are too many.
    """
    plan = await plans.get(unit.connection, plan_id)
    product = await products.lock(unit.connection, plan.product)
    before = await of_plan(unit.connection, plan_id)
    if len(before) >= PLAN_CHANGES:
        most = PLAN_CHANGES
        why, why_zh = f"a plan changes at most {most} times", f"最多 {most} 次"
        raise Refusal(CONFLICT, why=why, why_zh=why_zh)
    await _refuse_early(unit, plan_id, effective_from, before)
    change = PlanChange(plan_id, len(before) + 2, pricing, effective_from, unit.now)
    await unit.connection.execute(
        insert(plan_changes).values(
            plan=plan_id,
            version=change.version,
            pricing=to_document(pricing),
            effective_from=effective_from,
            announced_at=unit.now,
        )
    )
    detail = {
        "version": change.version,
        "pricing": to_document(pricing),
        "effective_from": effective_from.isoformat(),
    }
    unit.audit("plan.change_announced", plan_id, detail, organisation=product.owner)
    return change


async def take_back(unit: UnitOfWork, plan_id: str) -> PlanChange:
    """Take back a plan's newest version before it is in force. ILLEGAL_STATE without one."""
    plan = await plans.get(unit.connection, plan_id)
    product = await products.lock(unit.connection, plan.product)
    before = await of_plan(unit.connection, plan_id)
    if not before or before[-1].effective_from <= unit.now:
        raise Refusal(ILLEGAL_STATE, "no version is to come", state=plan.status)
    newest = before[-1]
    await unit.connection.execute(
        delete(plan_changes).where(
            plan_changes.c.plan == plan_id, plan_changes.c.version == newest.version
        )
    )
    detail = {"version": newest.version}
    unit.audit("plan.change_taken_back", plan_id, detail, organisation=product.owner)
    return newest


async def of_plan(connection: AsyncConnection, plan_id: str) -> list[PlanChange]:
    """Return a plan's later versions, in order."""
    return (await of_plans(connection, [plan_id])).get(plan_id, [])


async def of_plans(
    connection: AsyncConnection, plan_ids: Sequence[str]
) -> dict[str, list[PlanChange]]:
    """Return by plan its later versions, in order; plans without any are left out."""
    rows = await connection.execute(
        select(plan_changes)
        .where(plan_changes.c.plan.in_(plan_ids))
        .order_by(plan_changes.c.plan, plan_changes.c.version)
    )
    found: dict[str, list[PlanChange]] = {}
    for row in rows:
        found.setdefault(row.plan, []).append(_change(row))
    return found


async def _refuse_early(
    unit: UnitOfWork, plan_id: str, effective_from: datetime, before: Sequence[PlanChange]
) -> None:
    if effective_from.tzinfo is None:
        raise inputs.wrong("/effective_from", "must have a time zone", "须包含时区")
    subscribed = await unit.connection.scalar(
        select(
            exists().where(
                subscriptions.c.plan == plan_id,
                subscriptions.c.status.in_(("requested", "active", "suspended")),
            )
        )
    )
    days = PLAN_NOTICE_DAYS if subscribed else 0
    if effective_from <= unit.now + timedelta(days=days):
        raise inputs.wrong(
            "/effective_from",
            f"must be more than {days} days from now: those who subscribed keep their price as long"
            if subscribed
            else "must be to come",
            f"须晚于 {days} 天之后：已订阅方在通知期内保持原价" if subscribed else "须为将来的时间",
        )
    if before and effective_from <= before[-1].effective_from:
        raise inputs.wrong(
            "/effective_from", "must be after the version before it", "须晚于前一版本的生效时间"
        )


def _change(row: Row[Any]) -> PlanChange:
    return PlanChange(**{**row._mapping, "pricing": read_pricing(row.pricing)})
