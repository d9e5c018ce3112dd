"""Test customers: people of a member's model world, with whom developers try consents.

The member names them. Their accounts must be invented, since every developer who subscribes to a
product of the sandbox may sign in as one. Each organisation gets a customer of its own: when two
try the same person of the model world, there are two customers with two sign-ins, so neither sees
the requests and consents of the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.identity import people
from weir.identity.customers import customer_reference, lock_reference
from weir.identity.declares import TEST_CUSTOMERS
from weir.identity.people import Person
from weir.identity.tables import customers, test_customers
from weir.kernel.declares import CONFLICT, NOT_FOUND
from weir.kernel.inputs import text
from weir.kernel.outcomes import Refusal
from weir.store.declares import KEPT_LOCK
from weir.store.locks import hold
from weir.store.room import limit_reached
from weir.store.unit import UnitOfWork

# Without characters that look alike.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class TestCustomer:
    """A person of the model world, whom a member offers to developers as a test customer."""

    customer_ref: str
    display_name: str


def new_passphrase() -> str:
    """Make a passphrase of five groups of five characters, about 124 bits.

    It protects invented accounts only.
    """
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(5))


async def offer(unit: UnitOfWork, member: str, customer_ref: str, display_name: str) -> None:
    """Offer a test customer to developers, or change its display name.

    Refusal LIMIT_REACHED when the member offers TEST_CUSTOMERS already; CONFLICT when it has
    enrolled the person as a customer; INVALID_INPUT.
    """
    reference, name = customer_reference(customer_ref), text(display_name, "/name")
    await hold(unit.connection, KEPT_LOCK, f"{test_customers.name} {member}")
    await lock_reference(unit, member, reference)
    enrolled = select(customers.c.id).where(
        customers.c.member == member,
        customers.c.customer_ref == reference,
        customers.c.tried_by.is_(None),
    )
    if await unit.connection.scalar(enrolled) is not None:
        raise Refusal(
            CONFLICT,
            pointer="/customer_ref",
            why="is enrolled as a customer",
            why_zh="该客户已正式登记",
        )
    offering = insert(test_customers).values(
        member=member, customer_ref=reference, display_name=name, offered_at=unit.now
    )
    await unit.connection.execute(
        offering.on_conflict_do_update(
            index_elements=["member", "customer_ref"], set_={"display_name": name}
        )
    )
    mine = select(func.count()).where(test_customers.c.member == member)
    if int((await unit.connection.execute(mine)).scalar_one()) > TEST_CUSTOMERS:
        raise limit_reached("TEST_CUSTOMERS", TEST_CUSTOMERS)
    unit.audit("test_customer.offered", reference, {"name": name}, member)


async def end(unit: UnitOfWork, member: str, customer_ref: str) -> None:
    """End the offer of a test customer, and all sign-ins taken for it. Refusal NOT_FOUND."""
    found = await unit.connection.execute(
        delete(test_customers).where(
            test_customers.c.member == member, test_customers.c.customer_ref == customer_ref
        )
    )
    if found.rowcount != 1:
        raise Refusal(NOT_FOUND, f"{customer_ref} is not offered")
    taken = await unit.connection.execute(
        select(customers.c.person).where(
            customers.c.member == member,
            customers.c.customer_ref == customer_ref,
            customers.c.tried_by.is_not(None),
        )
    )
    for person in taken.scalars():
        await people.renew(unit, person, "")
    unit.audit("test_customer.ended", customer_ref, {}, member)


async def of_member(connection: AsyncConnection, member: str) -> Sequence[TestCustomer]:
    """Return the test customers that a member offers, in order of reference."""
    statement = (
        select(test_customers.c.customer_ref, test_customers.c.display_name)
        .where(test_customers.c.member == member)
        .order_by(test_customers.c.customer_ref)
    )
    return [TestCustomer(*row) for row in await connection.execute(statement)]


async def take(
    unit: UnitOfWork,
    *,
    member: str,
    customer_ref: str,
    organisation: str,
    passphrase_hash: str,
) -> Person:
    """Give an organisation's developers a sign-in as a test customer, with a new passphrase.

    Returns the person who signs in. Older sessions end. Refusal NOT_FOUND when the member does not
    offer the test customer.
    """
    # Locked, so that `take` and `end` at the same time run one after the other.
    offered = await unit.connection.execute(
        select(test_customers.c.customer_ref, test_customers.c.display_name)
        .where(test_customers.c.member == member, test_customers.c.customer_ref == customer_ref)
        .with_for_update(read=True)
    )
    kept = offered.one_or_none()
    if kept is None:
        raise Refusal(NOT_FOUND, f"{customer_ref} is not offered")
    found = TestCustomer(*kept)
    row = await _own(unit, member, found, organisation)
    if row.person is not None:
        person = await people.renew(unit, row.person, passphrase_hash)
    else:
        person = await people.create(
            unit,
            name="test-" + "".join(secrets.choice(_LETTERS) for _ in range(10)),
            display_name=found.display_name,
            passphrase_hash=passphrase_hash,
            kind="customer",
            organisation=None,
            language="en",
        )
        await unit.connection.execute(
            update(customers)
            .where(customers.c.id == row.id)
            .values(person=person.id, linked_at=unit.now)
        )
    unit.audit("test_customer.taken", row.id, {"person": person.id}, organisation)
    return person


async def _own(unit: UnitOfWork, member: str, who: TestCustomer, organisation: str) -> Any:
    """The row of the organisation's own customer for this person, made if absent, and locked."""
    await unit.connection.execute(
        insert(customers)
        .values(
            id=unit.mint("cus"),
            member=member,
            customer_ref=who.customer_ref,
            display_name=who.display_name,
            created_at=unit.now,
            tried_by=organisation,
        )
        .on_conflict_do_nothing()
    )
    mine = select(customers.c.id, customers.c.person).where(
        customers.c.member == member,
        customers.c.customer_ref == who.customer_ref,
        customers.c.tried_by == organisation,
    )
    return (await unit.connection.execute(mine.with_for_update())).one()
