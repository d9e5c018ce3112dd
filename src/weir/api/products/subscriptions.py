"""Subscriptions: requests for one, and the acts of the product's owner on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, ConfirmedChange, Given, Name, Page, Shown, next_of
from weir.api.writes import Writes
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.partners import applications
from weir.shelf import subscriptions
from weir.shelf.owners import Subscriber
from weir.store.unit import UnitOfWork

router = new_router("subscriptions")


class SubscriptionGiven(Given):
    """An application of yours, and the plan under which it will call."""

    application: Name
    plan: Name


class SubscriptionView(Shown):
    """A subscription. `owner` offers the product, `subscriber` owns the application."""

    id: str
    application: str
    subscriber: str
    owner: str
    product: str
    plan: str
    status: Literal["requested", "active", "suspended", "ended"]
    requested_at: datetime
    changed_at: datetime


class SubscriptionChanged(ConfirmedChange):
    """A subscription after a change that every gateway has applied."""

    subscription: SubscriptionView


@router.post(
    "/subscriptions",
    operation_id="request_subscription",
    status_code=201,
    summary="Request a product under a plan",
)
async def request_subscription(
    given: SubscriptionGiven, caller: CallerDep, writing: Writes
) -> SubscriptionView:
    async def work(unit: UnitOfWork) -> SubscriptionView:
        application = await applications.get(unit.connection, given.application)
        caller.reach(application.organisation)
        subscriber = Subscriber(
            application.id, application.organisation, caller.kind, caller.in_sandbox
        )
        made = await subscriptions.request(unit, subscriber, given.plan)
        return SubscriptionView.model_validate(made)

    return await writing.run(SubscriptionView, work)


@router.get(
    "/subscriptions",
    operation_id="list_subscriptions",
    summary="List your subscriptions, and the subscriptions to your products",
)
async def list_subscriptions(
    caller: CallerDep, services: ServicesDep, after: After = ""
) -> Page[SubscriptionView]:
    async with services.database.connect() as connection:
        found = await subscriptions.list_of(connection, caller.organisation.id, after=after)
    items = [SubscriptionView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/subscriptions/{subscription}", operation_id="get_subscription", summary="Get one subscription"
)
async def get_subscription(
    subscription: Name, caller: CallerDep, services: ServicesDep
) -> SubscriptionView:
    async with services.database.connect() as connection:
        found = await subscriptions.get(connection, subscription)
    if not (caller.may_reach(found.owner) or caller.may_reach(found.subscriber)):
        raise Refusal(NOT_FOUND, "on neither side")
    return SubscriptionView.model_validate(found)


def _acting(
    act: str, caller: Caller, subscription: str
) -> Callable[[UnitOfWork], Awaitable[SubscriptionView]]:
    """Return the work that does one act on a subscription within a unit of work."""

    async def work(unit: UnitOfWork) -> SubscriptionView:
        changed = await subscriptions.act(unit, subscription, act, caller.organisation.id)
        return SubscriptionView.model_validate(changed)

    return work


@router.post(
    "/subscriptions/{subscription}/approve",
    operation_id="approve_subscription",
    summary="Approve a subscription to your product",
)
async def approve_subscription(
    subscription: Name, caller: CallerDep, writing: Writes
) -> SubscriptionView:
    return await writing.run(SubscriptionView, _acting("approve", caller, subscription))


@router.post(
    "/subscriptions/{subscription}/refuse",
    operation_id="refuse_subscription",
    summary="Refuse a subscription to your product",
)
async def refuse_subscription(
    subscription: Name, caller: CallerDep, writing: Writes
) -> SubscriptionView:
    return await writing.run(SubscriptionView, _acting("refuse", caller, subscription))


@router.post(
    "/subscriptions/{subscription}/suspend",
    operation_id="suspend_subscription",
    summary="Suspend a subscription at every gateway",
)
async def suspend_subscription(
    subscription: Name, caller: CallerDep, writing: Writes
) -> SubscriptionChanged:
    work = _acting("suspend", caller, subscription)
    view, at = await writing.run_confirmed(SubscriptionView, work)
    return SubscriptionChanged(subscription=view, effective_at=at)


@router.post(
    "/subscriptions/{subscription}/resume",
    operation_id="resume_subscription",
    summary="Resume a suspended subscription",
)
async def resume_subscription(
    subscription: Name, caller: CallerDep, writing: Writes
) -> SubscriptionView:
    return await writing.run(SubscriptionView, _acting("resume", caller, subscription))


@router.post(
    "/subscriptions/{subscription}/end",
    operation_id="end_subscription",
    summary="End a subscription for good, as its owner or its subscriber",
)
async def end_subscription(
    subscription: Name, caller: CallerDep, writing: Writes
) -> SubscriptionChanged:
    work = _acting("end", caller, subscription)
    view, at = await writing.run_confirmed(SubscriptionView, work)
    return SubscriptionChanged(subscription=view, effective_at=at)
