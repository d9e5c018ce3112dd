"""Customers: a member enrols them and hands them the link that makes their sign-in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weir.api.guard import Asking, Using, new_router
from weir.api.models import After, Given, Name, Page, Shown, Text, next_of
from weir.api.writes import Writes
from weir.authorization.grants import erasure
from weir.identity import customers, test_customers
from weir.identity.customers import Customer
from weir.kernel.declares import PAGE_ROWS
from weir.partners import organisations
from weir.store.unit import UnitOfWork

router = new_router("customers")


class CustomerGiven(Given):
    """A customer by your own reference, and the name the customer will be greeted with."""

    customer_ref: Annotated[str, Field(max_length=64)]
    name: Text


class CustomerView(Shown):
    """A customer. `linked` once the customer has a sign-in; nothing about it is told."""

    id: str
    customer_ref: str
    name: str
    linked: bool


class EnrolmentView(Shown):
    """A customer, and the one-time link to hand over. The link is shown here and nowhere else."""

    customer: CustomerView
    link: str


class RecordsDetached(Shown):
    """A customer no call record leads to any more. `consents` says how many did until now."""

    customer: str
    consents: int


@router.post(
    "/customers",
    operation_id="enrol_customer",
    status_code=201,
    summary="Enrol a customer, or renew the link of one who has not used it",
)
async def enrol_customer(given: CustomerGiven, caller: Asking, services: Using) -> EnrolmentView:
    """Safe to repeat without an idempotency key; a kept answer would keep the link's secret."""
    async with services.database.unit(caller.actor) as unit:
        enrolled = await customers.enrol(
            unit,
            member=caller.organisation.id,
            customer_ref=given.customer_ref,
            display_name=given.name,
        )
    link = services.welcome_link(enrolled.link_secret)
    return EnrolmentView(customer=_view(enrolled.customer), link=link)


@router.get("/customers", operation_id="list_customers", summary="Your customers")
async def list_customers(caller: Asking, services: Using, after: After = "") -> Page[CustomerView]:
    async with services.database.connect() as connection:
        found = await customers.of_member(
            connection, caller.organisation.id, after=after, limit=PAGE_ROWS
        )
    items = [_view(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.post(
    "/customers/{customer}/detach-records",
    operation_id="detach_customer_records",
    summary="Erase what leads from call records to a customer whose consents have all ended",
)
async def detach_customer_records(
    customer: Name, caller: Asking, writing: Writes
) -> RecordsDetached:
    async def work(unit: UnitOfWork) -> RecordsDetached:
        consents = await erasure.detach_records(unit, customer, caller.organisation.id)
        return RecordsDetached(customer=customer, consents=consents)

    return await writing.run(RecordsDetached, work)


class TestCustomerGiven(Given):
    """A person of your model world by your own reference, and the name developers read."""

    customer_ref: Annotated[str, Field(max_length=64)]
    name: Text


class TestCustomerView(Shown):
    """One of those whom developers may try consents with."""

    customer_ref: str
    name: str


class TestCustomers(Shown):
    """All that an institution offers."""

    items: list[TestCustomerView]


class TestCustomerEnded(Shown):
    """Whom developers can no longer sign in as."""

    customer_ref: str


@router.post(
    "/test-customers",
    operation_id="offer_test_customer",
    status_code=201,
    summary="Let developers try consents with a person of your model world",
)
async def offer_test_customer(
    given: TestCustomerGiven, caller: Asking, writing: Writes
) -> TestCustomerView:
    """Whoever subscribes to a product of the sandbox may sign in as this person and see what it
    holds: offer nobody who lives.
    """

    async def work(unit: UnitOfWork) -> TestCustomerView:
        reference, name = given.customer_ref, given.name
        await test_customers.offer(unit, caller.organisation.id, reference, name)
        return TestCustomerView(customer_ref=reference, name=name)

    return await writing.run(TestCustomerView, work)


@router.get(
    "/test-customers",
    operation_id="list_test_customers",
    summary="Whom an institution lets developers try consents with",
)
async def list_test_customers(_: Asking, services: Using, member: Name) -> TestCustomers:
    """`member` is an identifier or a slug."""
    async with services.database.connect() as connection:
        owner = await organisations.get(connection, member)
        offered = await test_customers.of_member(connection, owner.id)
    items = [TestCustomerView(customer_ref=e.customer_ref, name=e.display_name) for e in offered]
    return TestCustomers(items=items)


@router.post(
    "/test-customers/{customer_ref}/end",
    operation_id="end_test_customer",
    summary="Let developers try with a person no more; their sign-ins end",
)
async def end_test_customer(
    customer_ref: Name, caller: Asking, writing: Writes
) -> TestCustomerEnded:
    async def work(unit: UnitOfWork) -> TestCustomerEnded:
        await test_customers.end(unit, caller.organisation.id, customer_ref)
        return TestCustomerEnded(customer_ref=customer_ref)

    return await writing.run(TestCustomerEnded, work)


def _view(customer: Customer) -> CustomerView:
    return CustomerView(
        id=customer.id,
        customer_ref=customer.customer_ref,
        name=customer.display_name,
        linked=customer.person is not None,
    )
