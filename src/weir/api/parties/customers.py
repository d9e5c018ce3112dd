"""Customers: a member enrols them and hands them the link that makes their sign-in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, Given, Name, Page, Shown, Text, next_of
from weir.api.writes import Writes
from weir.authorization.grants import erasure
from weir.identity import customers
from weir.identity.customers import Customer
from weir.kernel.declares import PAGE_ROWS
from weir.store.unit import UnitOfWork

router = new_router("customers")


class CustomerGiven(Given):
    """A customer by your own reference, and the name by which the pages greet the customer."""

    customer_ref: Annotated[str, Field(max_length=64)]
    name: Text


class CustomerView(Shown):
    """A customer. `linked` says whether the customer has a sign-in."""

    id: str
    customer_ref: str
    name: str
    linked: bool


class EnrolmentView(Shown):
    """A customer, and the one-time link to hand over. The link is shown only in this answer."""

    customer: CustomerView
    link: str


class RecordsDetached(Shown):
    """A customer whom no call record leads to any more. `consents` counts the consents that did."""

    customer: str
    consents: int


@router.post(
    "/customers",
    operation_id="enrol_customer",
    status_code=201,
    summary="Enrol a customer, or renew a link that was not used yet",
)
async def enrol_customer(
    given: CustomerGiven, caller: CallerDep, services: ServicesDep
) -> EnrolmentView:
    """Safe to repeat, without an idempotency key: a stored answer would hold the link's secret."""
    async with services.database.unit(caller.actor) as unit:
        enrolled = await customers.enrol(
            unit,
            member=caller.organisation.id,
            customer_ref=given.customer_ref,
            display_name=given.name,
        )
    link = services.welcome_link(enrolled.link_secret)
    return EnrolmentView(customer=_view(enrolled.customer), link=link)


@router.get("/customers", operation_id="list_customers", summary="List your customers")
async def list_customers(
    caller: CallerDep, services: ServicesDep, after: After = ""
) -> Page[CustomerView]:
    async with services.database.connect() as connection:
        found = await customers.of_member(
            connection, caller.organisation.id, after=after, limit=PAGE_ROWS
        )
    items = [_view(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.post(
    "/customers/{customer}/detach-records",
    operation_id="detach_customer_records",
    summary="Erase the link from call records to a customer whose consents have all ended",
)
async def detach_customer_records(
    customer: Name, caller: CallerDep, writing: Writes
) -> RecordsDetached:
    async def work(unit: UnitOfWork) -> RecordsDetached:
        consents = await erasure.detach_records(unit, customer, caller.organisation.id)
        return RecordsDetached(customer=customer, consents=consents)

    return await writing.run(RecordsDetached, work)


def _view(customer: Customer) -> CustomerView:
    return CustomerView(
        id=customer.id,
        customer_ref=customer.customer_ref,
        name=customer.display_name,
        linked=customer.person is not None,
    )
