"""Subscriptions: an application's right to a product version under a plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import CONFLICT, FORBIDDEN, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.shelf import plans, products
from weir.shelf.declares import SUBSCRIPTIONS
from weir.shelf.owners import Subscriber
from weir.shelf.plans import Plan
from weir.shelf.products import Product
from weir.shelf.published import SUBSCRIPTION, SubscriptionDocument
from weir.shelf.states import SUBSCRIPTION_EVENTS, SUBSCRIPTION_MOVES, SUBSCRIPTION_SIDES, move
from weir.shelf.tables import capabilities, product_capabilities, subscriptions
from weir.shelf.tables import products as products_table
from weir.store.room import require_room
from weir.store.unit import Change, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as stored. `owner` offers the product, `subscriber` owns the application."""

    id: str
    application: str
    subscriber: str
    owner: str
    product: str
    plan: str
    status: str
    requested_at: datetime
    changed_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None

    def side_of(self, organisation: str) -> str | None:
        """Return an organisation's side: the owner's when it is both, None when it is neither."""
        if organisation == self.owner:
            return "owner"
        return "subscriber" if organisation == self.subscriber else None


async def request(unit: UnitOfWork, subscriber: Subscriber, plan_id: str) -> Subscription:
    """Request a product under a plan. Active at once where the plan approves by itself.

    Refusals: NOT_FOUND; FORBIDDEN when the subscriber's kind takes nothing in this direction;
    PRODUCTION_NEEDED; ILLEGAL_STATE when plan or product takes no subscriptions; CONFLICT when the
    application has one.
    """
    plan = await plans.get(unit.connection, plan_id)
    product = await products.lock(unit.connection, plan.product)
    if product.status == "draft":
        raise Refusal(NOT_FOUND, "a draft is nobody else's to see")
    if product.status != "published" or plan.status != "offered":
        raise Refusal(ILLEGAL_STATE, state=plan.status)
    subscriber.may_take(product.direction, sandbox=product.sandbox)
    subscription = await _insert(unit, subscriber, product, plan)
    _audit(unit, subscription, "subscription.requested")
    if plan.auto_approve:
        _audit(unit, subscription, "subscription.approved")
    _publish(unit, subscription, plan)
    return subscription


async def act(unit: UnitOfWork, subscription_id: str, act: str, organisation: str) -> Subscription:
    """Approve, refuse, suspend, resume or end a subscription on behalf of an organisation.

    NOT_FOUND when the organisation is on neither side, FORBIDDEN when only the other side may,
    ILLEGAL_STATE when the state does not allow it.
    """
    before = await lock(unit.connection, subscription_id)
    side = before.side_of(organisation)
    if side is None:
        raise Refusal(NOT_FOUND, f"{subscription_id} is not of {organisation}")
    if side not in SUBSCRIPTION_SIDES[act] and not (before.owner == before.subscriber):
        raise Refusal(FORBIDDEN, f"the {side} may not {act}")
    return await _move(unit, before, act)


async def end_all(unit: UnitOfWork, product_id: str) -> int:
    """End every living subscription to a product version being retired; return their number."""
    found = await unit.connection.execute(
        select(subscriptions)
        .where(subscriptions.c.product == product_id, subscriptions.c.status != "ended")
        .order_by(subscriptions.c.id)
        .with_for_update()
    )
    living = [_subscription(row) for row in found]
    for subscription in living:
        await _move(unit, subscription, "end")
    return len(living)


async def get(connection: AsyncConnection, subscription_id: str) -> Subscription:
    """Return the subscription. NOT_FOUND."""
    found = await connection.execute(
        select(subscriptions).where(subscriptions.c.id == subscription_id)
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such subscription")
    return _subscription(row)


async def is_active(connection: AsyncConnection, application: str, product: str) -> bool:
    """Whether an application may call a product version now."""
    found = await connection.execute(
        select(subscriptions.c.id)
        .where(subscriptions.c.application == application, subscriptions.c.product == product)
        .where(subscriptions.c.status == "active")
    )
    return found.first() is not None


async def needs_consent(
    connection: AsyncConnection,
    application: str,
    *,
    owner: str,
    consent_type: str,
    scopes: Collection[str] | None = None,
) -> bool:
    """Whether an application needs this type of consent to call an owner's capabilities.

    It does when one of its active subscriptions is to a published product of the owner with a
    capability that is declared for the type. `scopes` leaves only the products that they name.
    """
    statement = (
        select(subscriptions.c.id)
        .join(products_table, products_table.c.id == subscriptions.c.product)
        .join(product_capabilities, product_capabilities.c.product == products_table.c.id)
        .join(capabilities, capabilities.c.id == product_capabilities.c.capability)
        .where(subscriptions.c.application == application, subscriptions.c.owner == owner)
        .where(subscriptions.c.status == "active", products_table.c.status == "published")
        .where(capabilities.c.owner == owner, capabilities.c.consent_type == consent_type)
        .limit(1)
    )
    if scopes is not None:
        scope = products_table.c.owner_slug + "." + products_table.c.slug
        statement = statement.where(scope.in_(scopes))
    return (await connection.execute(statement)).first() is not None


async def list_of(
    connection: AsyncConnection, organisation: str, *, after: str = ""
) -> Sequence[Subscription]:
    """Return up to PAGE_ROWS subscriptions with an organisation on either side, oldest first."""
    rows = await connection.execute(
        select(subscriptions)
        .where(
            (subscriptions.c.owner == organisation) | (subscriptions.c.subscriber == organisation)
        )
        .where(subscriptions.c.id > after)
        .order_by(subscriptions.c.id)
        .limit(PAGE_ROWS)
    )
    return [_subscription(row) for row in rows]


async def lock(connection: AsyncConnection, subscription_id: str) -> Subscription:
    """Return the subscription, its row locked until the commit. NOT_FOUND."""
    found = await connection.execute(
        select(subscriptions).where(subscriptions.c.id == subscription_id).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such subscription")
    return _subscription(row)


async def _insert(
    unit: UnitOfWork, subscriber: Subscriber, product: Product, plan: Plan
) -> Subscription:
    subscribing = subscriber.organisation
    await require_room(
        unit,
        subscriptions,
        subscriptions.c.subscriber == subscribing,
        subscribing,
        "SUBSCRIPTIONS",
        SUBSCRIPTIONS,
    )
    added = await unit.connection.execute(
        insert(subscriptions)
        .values(
            id=unit.mint("sub"),
            application=subscriber.application,
            subscriber=subscribing,
            owner=product.owner,
            product=product.id,
            plan=plan.id,
            status="active" if plan.auto_approve else "requested",
            requested_at=unit.now,
            changed_at=unit.now,
            activated_at=unit.now if plan.auto_approve else None,
        )
        .on_conflict_do_nothing()
        .returning(subscriptions)
    )
    row = added.one_or_none()
    if row is None:
        raise Refusal(
            CONFLICT,
            why="the application has a subscription to this product",
            why_zh="该应用已订阅此产品",
        )
    return _subscription(row)


async def _move(unit: UnitOfWork, before: Subscription, act: str) -> Subscription:
    status = move(SUBSCRIPTION_MOVES, before.status, act)
    stamps = {"changed_at": unit.now}
    if act == "approve":
        stamps["activated_at"] = unit.now
    if status == "ended":
        stamps["ended_at"] = unit.now
    changed = await unit.connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id == before.id)
        .values(status=status, **stamps)
        .returning(subscriptions)
    )
    after = _subscription(changed.one())
    _audit(unit, after, SUBSCRIPTION_EVENTS[act])
    _publish(unit, after, await plans.get(unit.connection, after.plan))
    return after


def _audit(unit: UnitOfWork, subscription: Subscription, event: str) -> None:
    """Record the event in the audit chains of both sides."""
    detail = {
        "application": subscription.application,
        "product": subscription.product,
        "plan": subscription.plan,
    }
    for organisation in sorted({subscription.owner, subscription.subscriber}):
        unit.audit(event, subscription.id, detail, organisation=organisation)


def _publish(unit: UnitOfWork, subscription: Subscription, plan: Plan) -> None:
    """Publish an active or suspended subscription to the gateways, and remove an ended one."""
    if subscription.status == "requested":
        return
    document = SubscriptionDocument(
        id=subscription.id,
        application=subscription.application,
        product=subscription.product,
        plan=subscription.plan,
        status=subscription.status,  # type: ignore[arg-type] # the database holds the closed list
        rate_per_s=plan.rate_per_s,
        quota=plan.quota,
        quota_period=plan.quota_period,  # type: ignore[arg-type]
    )
    ended = subscription.status == "ended"
    unit.publish(Change(SUBSCRIPTION, subscription.id, None if ended else document))


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(**row._mapping)
