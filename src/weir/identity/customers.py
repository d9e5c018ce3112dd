"""Customers: enrolled by a member under its own reference, then linked to a sign-in by the person.

One person may be a customer of several members; no member learns of the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.identity import links
from weir.identity.declares import CUSTOMER_LOCK
from weir.identity.tables import customers, test_customers
from weir.kernel.declares import CONFLICT
from weir.kernel.inputs import text, wrong
from weir.kernel.outcomes import Refusal
from weir.store.locks import hold
from weir.store.unit import UnitOfWork

# It becomes part of a path of the member's account directory, so it has only unreserved characters
# of RFC 3986 section 2.3 and is never a dot segment.
_REFERENCE = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}")
_NOT_TRIED = customers.c.tried_by.is_(None)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as one member and the platform know it.

    `person` is None until the customer is linked. Of a test customer, `tried_by` is the
    organisation whose developers use it.
    """

    id: str
    member: str
    customer_ref: str
    display_name: str
    person: str | None
    tried_by: str | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The result of an enrolment: the customer, and the secret of the link for the customer."""

    customer: Customer
    link_secret: str


def customer_reference(value: str) -> str:
    """Check a member's own name for a customer, 1 to 64 unreserved characters, and return it.

    Refusal INVALID_INPUT.
    """
    if _REFERENCE.fullmatch(value) is None:
        raise wrong(
            "/customer_ref",
            "must be 1 to 64 letters, digits and . _ ~ - and not start with a dot",
            "须为 1 至 64 个字母、数字或 . _ ~ - 符号，且不以点开头",
        )
    return value


async def enrol(
    unit: UnitOfWork, *, member: str, customer_ref: str, display_name: str
) -> Enrolment:
    """Enrol a customer, or renew the link of one not linked yet (older links end).

    Refusal CONFLICT when the customer has already linked a sign-in, or is a test customer;
    INVALID_INPUT for the reference or the name.
    """
    await lock_reference(unit, member, customer_ref)
    offered = select(test_customers.c.customer_ref).where(
        test_customers.c.member == member, test_customers.c.customer_ref == customer_ref
    )
    if await unit.connection.scalar(offered) is not None:
        raise Refusal(CONFLICT, "a test customer", pointer="/customer_ref")
    await unit.connection.execute(
        insert(customers)
        .values(
            id=unit.mint("cus"),
            member=member,
            customer_ref=customer_reference(customer_ref),
            display_name=text(display_name, "/name"),
            created_at=unit.now,
        )
        .on_conflict_do_nothing(index_elements=["member", "customer_ref"], index_where=_NOT_TRIED)
    )
    mine = _all().where(
        customers.c.member == member, customers.c.customer_ref == customer_ref, _NOT_TRIED
    )
    row: Any = (await unit.connection.execute(mine.with_for_update())).one()
    if row.person is not None:
        raise Refusal(CONFLICT, "customer is linked", pointer="/customer_ref")
    await links.void_links(unit, row.id)
    secret = await links.create_link(unit, "customer", subject=row.id, organisation=member)
    unit.audit("customer.enrolled", row.id, {"customer_ref": customer_ref}, member)
    return Enrolment(_customer(row), secret)


async def lock_reference(unit: UnitOfWork, member: str, customer_ref: str) -> None:
    """Lock a customer reference until the unit of work ends.

    So a real customer is never offered as a test customer at the same time: developers must never
    sign in as a real person.
    """
    await hold(unit.connection, CUSTOMER_LOCK, f"{member} {customer_ref}")


async def link_person(unit: UnitOfWork, customer_id: str, person_id: str) -> Customer:
    """Link a customer to the person who claimed its link.

    Refusal CONFLICT when the customer is linked already.
    """
    attached = await unit.connection.execute(
        update(customers)
        .where(customers.c.id == customer_id, customers.c.person.is_(None))
        .values(person=person_id, linked_at=unit.now)
    )
    if attached.rowcount != 1:
        raise Refusal(CONFLICT, "customer is linked")
    row: Any = (await unit.connection.execute(_all().where(customers.c.id == customer_id))).one()
    unit.audit("customer.linked", customer_id, {"person": person_id}, row.member)
    return _customer(row)


async def find(connection: AsyncConnection, customer_id: str) -> Customer | None:
    """Find a customer by its identifier."""
    return await _one(connection, _all().where(customers.c.id == customer_id))


async def of_person(connection: AsyncConnection, person_id: str) -> Sequence[Customer]:
    """Return the customers that are this person, at all members."""
    statement = _all().where(customers.c.person == person_id).order_by(customers.c.id)
    return [_customer(row) for row in await connection.execute(statement)]


async def at_member(connection: AsyncConnection, person_id: str, member: str) -> Sequence[Customer]:
    """Return the customers that are this person at one member.

    Usually one; a second one may be the person's business.
    """
    return [each for each in await of_person(connection, person_id) if each.member == member]


async def of_member(
    connection: AsyncConnection, member: str, *, after: str = "", limit: int = 100
) -> Sequence[Customer]:
    """Return up to `limit` customers of a member, without test customers.

    They come in order of identifier, after `after`.
    """
    statement = (
        _all()
        .where(customers.c.member == member, customers.c.id > after, _NOT_TRIED)
        .order_by(customers.c.id)
        .limit(limit)
    )
    return [_customer(row) for row in await connection.execute(statement)]


def _all() -> Select[Any]:
    return select(customers)


async def _one(connection: AsyncConnection, statement: Select[Any]) -> Customer | None:
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _customer(row)


def _customer(row: Any) -> Customer:
    return Customer(
        row.id, row.member, row.customer_ref, row.display_name, row.person, row.tried_by
    )
