"""Test customers: people of a model world, with whom developers try consents."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Name, Shown, Text
from weir.api.writes import Writes
from weir.identity import test_customers
from weir.partners import organisations
from weir.store.unit import UnitOfWork

router = new_router("customers")


class TestCustomerGiven(Given):
    """A person of your model world: your own reference, and the name that developers read."""

    customer_ref: Annotated[str, Field(max_length=64)]
    name: Text


class TestCustomerView(Shown):
    """A person of a model world, with whom developers may try consents."""

    customer_ref: str
    name: str


class TestCustomers(Shown):
    """All test customers of an institution."""

    items: list[TestCustomerView]


class TestCustomerEnded(Shown):
    """A test customer whose offer, and every sign-in taken for it, has ended."""

    customer_ref: str


@router.post(
    "/test-customers",
    operation_id="offer_test_customer",
    status_code=201,
    summary="Offer a person of your model world to developers as a test customer",
)
async def offer_test_customer(
    given: TestCustomerGiven, caller: CallerDep, writing: Writes
) -> TestCustomerView:
    """Every subscriber to one of your sandbox products may sign in as this person and see the
    person's data, so never offer a living person.
    """

    async def work(unit: UnitOfWork) -> TestCustomerView:
        reference, name = given.customer_ref, given.name
        await test_customers.offer(unit, caller.organisation.id, reference, name)
        return TestCustomerView(customer_ref=reference, name=name)

    return await writing.run(TestCustomerView, work)


@router.get(
    "/test-customers",
    operation_id="list_test_customers",
    summary="List the test customers of an institution",
)
async def list_test_customers(_: CallerDep, services: ServicesDep, member: Name) -> TestCustomers:
    """`member` is an institution's identifier or slug."""
    async with services.database.connect() as connection:
        owner = await organisations.get(connection, member)
        offered = await test_customers.of_member(connection, owner.id)
    items = [TestCustomerView(customer_ref=e.customer_ref, name=e.display_name) for e in offered]
    return TestCustomers(items=items)


@router.post(
    "/test-customers/{customer_ref}/end",
    operation_id="end_test_customer",
    summary="End the offer of a test customer, and all sign-ins taken for it",
)
async def end_test_customer(
    customer_ref: Name, caller: CallerDep, writing: Writes
) -> TestCustomerEnded:
    async def work(unit: UnitOfWork) -> TestCustomerEnded:
        await test_customers.end(unit, caller.organisation.id, customer_ref)
        return TestCustomerEnded(customer_ref=customer_ref)

    return await writing.run(TestCustomerEnded, work)
