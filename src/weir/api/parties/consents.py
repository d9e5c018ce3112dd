"""Consents: a member sees those over its customers' data and money, a partner its application's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from weir.api.callers import Caller
from weir.api.declares import REVOCATION_UNCONFIRMED
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Name, Page, Shown, next_of
from weir.api.writes import Writes
from weir.authorization.grants import lodged_consents
from weir.consent import consents, withdrawals
from weir.consent.consents import Consent
from weir.kernel import inputs
from weir.kernel.outcomes import Refusal
from weir.partners import applications
from weir.store.unit import UnitOfWork

router = new_router("consents")

Before = Annotated[
    str, Query(max_length=64, pattern=r"^[a-z0-9_~]*$", description="`next` of the page before.")
]


class ConsentGiven(Given):
    """The consent to ask for: one entry of RFC 9396, as in an authorization request."""

    application: Name
    authorization_details: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1)]


class WithdrawalGiven(Given):
    """The reason of the withdrawal, in words that the customer will read."""

    reason: Annotated[str, Field(max_length=500)] = ""


class ConsentView(Shown):
    """A consent. Only the member whose customer it is gets `customer`; for others it is null."""

    id: str
    type: str
    state: str
    application: str
    partner: str
    member: str
    customer: str | None
    purpose: str
    granted: dict[str, Any] | None
    created_at: datetime
    decided_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    reason: str | None


class ConsentWithdrawn(Shown):
    """A withdrawn consent. `effective_at` is the moment when the last gateway had applied it."""

    consent: str
    withdrawn_at: datetime
    effective_at: datetime
    withdrawal_ms: int | None


@router.get(
    "/consents",
    operation_id="list_consents",
    summary="List consents: to your customers' data, or to an application of yours",
)
async def list_consents(
    caller: CallerDep,
    services: ServicesDep,
    application: Annotated[
        Name | None, Query(description="An application of yours; needed unless you are a member.")
    ] = None,
    after: Before = "~",
) -> Page[ConsentView]:
    now = services.database.clock.now()
    async with services.database.connect() as connection:
        if application is not None:
            caller.reach((await applications.get(connection, application)).organisation)
            found = await consents.of_application(connection, application, before=after)
        elif caller.kind == "member":
            found = await consents.of_member(connection, caller.organisation.id, before=after)
        else:
            raise inputs.wrong("query:application", "is missing", "缺少此项")
    items = [_view(each, caller, now) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.post(
    "/consents",
    operation_id="lodge_consent",
    status_code=201,
    summary="Lodge a consent in advance, for an authorization request to name",
)
async def lodge_consent(given: ConsentGiven, caller: CallerDep, writing: Writes) -> ConsentView:
    async def work(unit: UnitOfWork) -> ConsentView:
        application = await applications.get(unit.connection, given.application)
        caller.reach(application.organisation)
        made = await lodged_consents.lodge(unit, application, given.authorization_details)
        return _view(made, caller, unit.now)

    return await writing.run(ConsentView, work)


@router.post(
    "/consents/{consent}/withdraw",
    operation_id="withdraw_consent",
    summary="Withdraw a consent, and wait until every gateway has applied it",
)
async def withdraw_consent(
    consent: Name, given: WithdrawalGiven, caller: CallerDep, services: ServicesDep, writing: Writes
) -> ConsentWithdrawn:
    async def work(unit: UnitOfWork) -> ConsentView:
        # The room checks that the consent is this caller's to withdraw in its capacity.
        done = await withdrawals.withdraw(unit, consent, _capacity(caller), given.reason)
        return _view(done, caller, unit.now)

    await writing.run(ConsentView, work)
    report = await withdrawals.confirm(services.database, consent)
    if report.acknowledged_at is None:
        raise Refusal(REVOCATION_UNCONFIRMED, consent)
    return ConsentWithdrawn(
        consent=report.consent,
        withdrawn_at=report.withdrawn_at,
        effective_at=report.acknowledged_at,
        withdrawal_ms=report.withdrawal_ms,
    )


def _capacity(caller: Caller) -> withdrawals.By:
    capacities: dict[str, withdrawals.By] = {
        "operator": "operator",
        "member": "member",
        "partner": "partner",
    }
    return capacities[caller.kind]


def _view(consent: Consent, caller: Caller, now: datetime) -> ConsentView:
    view = ConsentView.model_validate(consent)
    own_customer = caller.organisation.id == consent.member
    return view.model_copy(
        update={
            "state": consent.state_at(now).value,
            "customer": consent.customer if own_customer else None,
        }
    )
