"""Reading consents: a person, member or application finds its own and no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.access.consent_types import PAYMENT_INITIATION
from weir.consent.states import State, in_effect
from weir.consent.tables import consents
from weir.identity.tables import customers
from weir.kernel.declares import PAGE_ROWS


@dataclass(frozen=True, slots=True)
class Consent:
    """A stored consent.

    `granted` is the entry of `authorization_details` that tokens carry, None before the grant. For
    an awaiting consent, `expires_at` is the last time to answer. `replaces` is the consent whose
    place on the grant this one took. `record_name` is the name of the consent in call records, None
    once it is erased.
    """

    id: str
    type: str
    state: State
    application: str
    partner: str
    member: str
    customer: str | None
    purpose: str
    requested: dict[str, Any]
    granted: dict[str, Any] | None
    created_at: datetime
    decided_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    reason: str | None
    acknowledged_at: datetime | None
    replaces: str | None
    record_name: str | None

    def state_at(self, now: datetime) -> State:
        return in_effect(self.state, self.expires_at, now)

    @property
    def withdrawal_ms(self) -> int | None:
        """Milliseconds from the withdrawal to the last gateway's acknowledgement, or None."""
        if self.ended_at is None or self.acknowledged_at is None:
            return None
        return max(0, round((self.acknowledged_at - self.ended_at).total_seconds() * 1000))


async def find(connection: AsyncConnection, consent_id: str) -> Consent | None:
    """Find any consent by its identifier, for the platform's own rooms."""
    return await _one(connection, _all().where(consents.c.id == consent_id))


async def find_of_person(
    connection: AsyncConnection, consent_id: str, person: str
) -> Consent | None:
    """Find a consent of this person."""
    return await _one(connection, _of_person(person).where(consents.c.id == consent_id))


async def find_of_application(
    connection: AsyncConnection, consent_id: str, application: str
) -> Consent | None:
    """Find a consent to this application."""
    mine = _all().where(consents.c.id == consent_id, consents.c.application == application)
    return await _one(connection, mine)


async def of_person(
    connection: AsyncConnection, person: str, limit: int = PAGE_ROWS
) -> Sequence[Consent]:
    """Return a person's consents at all members, newest first, without awaiting ones."""
    statement = _of_person(person).where(consents.c.state != State.AWAITING)
    return await _many(connection, statement.order_by(consents.c.id.desc()).limit(limit))


async def of_member(
    connection: AsyncConnection, member: str, *, before: str = "~", limit: int = PAGE_ROWS
) -> Sequence[Consent]:
    """Return consents to a member's data and money, newest first, older than `before`."""
    statement = _all().where(consents.c.member == member, consents.c.id < before)
    return await _many(connection, statement.order_by(consents.c.id.desc()).limit(limit))


async def of_application(
    connection: AsyncConnection,
    application: str,
    *,
    before: str = "~",
    limit: int = PAGE_ROWS,
) -> Sequence[Consent]:
    """Return consents to an application, newest first, older than `before`."""
    statement = _all().where(consents.c.application == application, consents.c.id < before)
    return await _many(connection, statement.order_by(consents.c.id.desc()).limit(limit))


async def unused_payments(connection: AsyncConnection, limit: int = 5_000) -> Sequence[str]:
    """Return identifiers of granted consents to one payment that are not marked used, newest first.

    Both conditions are literals in the statement, so that every plan can use the partial index.
    """
    granted = literal(State.GRANTED, literal_execute=True)
    payment = literal(PAYMENT_INITIATION, literal_execute=True)
    found = await connection.execute(
        select(consents.c.id)
        .where(consents.c.state == granted, consents.c.type == payment)
        .order_by(consents.c.id.desc())
        .limit(limit)
    )
    return list(found.scalars())


def of_row(row: Any) -> Consent:
    """Make a consent from a row of `tables.consents`."""
    return of_fields(dict(row._mapping))


def of_fields(fields: dict[str, Any]) -> Consent:
    """Make a consent from the columns of a row by name."""
    return Consent(**{**fields, "state": State(fields["state"])})


def _all() -> Select[Any]:
    return select(consents)


def _of_person(person: str) -> Select[Any]:
    own = select(customers.c.id).where(customers.c.person == person)
    return _all().where(consents.c.customer.in_(own))


async def _one(connection: AsyncConnection, statement: Select[Any]) -> Consent | None:
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else of_row(row)


async def _many(connection: AsyncConnection, statement: Select[Any]) -> Sequence[Consent]:
    return [of_row(row) for row in await connection.execute(statement)]
