"""Questions to customers on their own device (CIBA Core 1.0), kept in PostgreSQL.

A request is *awaiting* until the customer answers, then *granted* or *denied*; after its end it
cannot be answered. It bears the identifier of the consent it asks for. A request whose customer is
not known is kept like any other and never shown, so that its client cannot tell the two apart.

Values that are sent more than once stay here sealed: the refresh token, so that a token answer that
was lost can be asked for again and is the same; and for a ping the `auth_req_id` with its bearer
token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.authorization.declares import (
    BACKCHANNEL_ANSWER_KEPT_S,
    BACKCHANNEL_HOURLY_OF_HINT,
    BACKCHANNEL_INTERVAL_S,
    BACKCHANNEL_LOCK,
    BACKCHANNEL_MEMORY_S,
    BACKCHANNEL_WAITING_OF_CLIENT,
    BACKCHANNEL_WAITING_OF_CUSTOMER,
    BACKCHANNEL_WAITING_OF_HINT,
    OAUTH_TOO_MANY_QUESTIONS,
)
from weir.authorization.tables import backchannel_requests
from weir.consent.types import ConsentRequest
from weir.identity.secrets import digest, is_secret
from weir.identity.tables import customers
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.store.locks import hold
from weir.store.unit import UnitOfWork

AWAITING: Final = "awaiting"
GRANTED: Final = "granted"
DENIED: Final = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackchannelRequest:
    """A question as stored. `customer` is None when no customer is asked."""

    consent: str
    client: str
    partner: str
    member: str
    customer: str | None
    scope: str
    type: str
    member_slug: str
    purpose: str
    details: dict[str, Any]
    details_end_at: datetime | None
    binding_message: str
    state: str
    asked_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    interval_s: int
    polled_at: datetime | None
    sealed_refresh: bytes | None

    @property
    def ask(self) -> ConsentRequest:
        """The consent that the customer is asked for."""
        return ConsentRequest(
            self.type, self.member_slug, self.purpose, self.details, self.details_end_at
        )

    def open_at(self, now: datetime) -> bool:
        """Whether the customer may still answer."""
        return self.state == AWAITING and now < self.expires_at

    def collectable_at(self, now: datetime) -> bool:
        """Whether the client may still ask for the answer; one given late can be collected too."""
        kept = timedelta(seconds=BACKCHANNEL_ANSWER_KEPT_S)
        end = self.expires_at
        if self.decided_at is not None:
            end = max(end, self.decided_at + kept)
        return now < end


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A backchannel authentication request, to be kept. `lifetime_s` is in seconds."""

    consent: str
    secret: str
    client: str
    partner: str
    member: str
    customer: str | None
    hint_sha256: str
    scope: str
    ask: ConsentRequest
    binding_message: str
    lifetime_s: int
    sealed_ping: bytes | None


async def open_request(unit: UnitOfWork, new: NewRequest) -> None:
    """Keep a request. OAUTH_TOO_MANY_QUESTIONS when the client asks too often.

    The count is by hint and client, never by customer: so the refusal reveals nothing. A customer
    with too many open questions already is not asked, and the client is not told.
    """
    await _require_modesty(unit, new)
    customer = new.customer
    if customer is not None:
        waiting = await _open_questions(unit, customer)
        customer = None if waiting >= BACKCHANNEL_WAITING_OF_CUSTOMER else customer
    await unit.connection.execute(
        backchannel_requests.insert().values(
            consent=new.consent,
            secret_sha256=digest(new.secret),
            client=new.client,
            partner=new.partner,
            member=new.member,
            customer=customer,
            hint_sha256=new.hint_sha256,
            scope=new.scope,
            type=new.ask.type,
            member_slug=new.ask.member,
            purpose=new.ask.purpose,
            details=new.ask.details,
            details_end_at=new.ask.expires_at,
            binding_message=new.binding_message,
            state=AWAITING,
            asked_at=unit.now,
            expires_at=unit.now + timedelta(seconds=new.lifetime_s),
            interval_s=BACKCHANNEL_INTERVAL_S,
            sealed_ping=new.sealed_ping,
        )
    )


async def of_secret(connection: AsyncConnection, auth_req_id: str) -> BackchannelRequest | None:
    """Return the request of an `auth_req_id`, if there is one."""
    if not is_secret(auth_req_id):
        return None
    mine = backchannel_requests.c.secret_sha256 == digest(auth_req_id)
    return await _one(connection, _all().where(mine))


async def of_person(
    connection: AsyncConnection, person: str, now: datetime
) -> Sequence[BackchannelRequest]:
    """Return the questions that wait for a person, oldest first."""
    waiting = _of_person(person).where(
        backchannel_requests.c.state == AWAITING, backchannel_requests.c.expires_at > now
    )
    rows = await connection.execute(waiting.order_by(backchannel_requests.c.asked_at))
    return [_request(row) for row in rows]


async def find_of_person(
    connection: AsyncConnection, consent: str, person: str
) -> BackchannelRequest | None:
    """Return a question to this person, in whatever state."""
    return await _one(
        connection, _of_person(person).where(backchannel_requests.c.consent == consent)
    )


async def lock(unit: UnitOfWork, consent: str) -> BackchannelRequest:
    """Return a question, held until the commit, so that it is answered once. NOT_FOUND."""
    mine = backchannel_requests.c.consent == consent
    found = await _one(unit.connection, _all().where(mine).with_for_update())
    if found is None:
        raise Refusal(NOT_FOUND, f"backchannel request {consent}")
    return found


async def decide(
    unit: UnitOfWork, consent: str, state: str, sealed_refresh: bytes | None = None
) -> None:
    """Write the answer down. A client that asked to be pinged is pinged from now on."""
    wants_ping = backchannel_requests.c.sealed_ping.is_not(None)
    at = case((wants_ping, unit.now), else_=None)
    await unit.connection.execute(
        update(backchannel_requests)
        .where(backchannel_requests.c.consent == consent)
        .values(
            state=state,
            decided_at=unit.now,
            sealed_refresh=sealed_refresh,
            ping_at=at,
        )
    )


async def note_poll(
    connection: AsyncConnection, consent: str, now: datetime, interval_s: int
) -> None:
    """Remember when the client polled last, and the interval it must keep from now on."""
    await connection.execute(
        update(backchannel_requests)
        .where(backchannel_requests.c.consent == consent)
        .values(polled_at=now, interval_s=interval_s)
    )


async def delete_old(connection: AsyncConnection, now: datetime) -> None:
    """Delete requests that can no longer be answered or collected."""
    long_ago = now - timedelta(seconds=BACKCHANNEL_MEMORY_S)
    await connection.execute(
        delete(backchannel_requests).where(backchannel_requests.c.expires_at < long_ago)
    )


async def _require_modesty(unit: UnitOfWork, new: NewRequest) -> None:
    await hold(unit.connection, BACKCHANNEL_LOCK, new.client)
    of_client = backchannel_requests.c.client == new.client
    waiting = (backchannel_requests.c.state == AWAITING) & (
        backchannel_requests.c.expires_at > unit.now
    )
    same_hint = backchannel_requests.c.hint_sha256 == new.hint_sha256
    hour_ago = unit.now - timedelta(hours=1)
    row: Any = (
        await unit.connection.execute(
            select(
                func.count().filter(waiting).label("waiting"),
                func.count().filter(waiting & same_hint).label("waiting_here"),
                func.count().filter(same_hint).label("this_hour"),
            ).where(of_client, backchannel_requests.c.asked_at > hour_ago)
        )
    ).one()
    if (
        row.waiting >= BACKCHANNEL_WAITING_OF_CLIENT
        or row.waiting_here >= BACKCHANNEL_WAITING_OF_HINT
        or row.this_hour >= BACKCHANNEL_HOURLY_OF_HINT
    ):
        raise Refusal(OAUTH_TOO_MANY_QUESTIONS, f"{new.client}: {row}")


async def _open_questions(unit: UnitOfWork, customer: str) -> int:
    found = await unit.connection.execute(
        select(func.count())
        .select_from(backchannel_requests)
        .where(backchannel_requests.c.customer == customer)
        .where(backchannel_requests.c.state == AWAITING)
        .where(backchannel_requests.c.expires_at > unit.now)
    )
    return int(found.scalar_one())


_COLUMNS: Final = [backchannel_requests.c[name] for name in BackchannelRequest.__dataclass_fields__]


def _all() -> Select[Any]:
    return select(*_COLUMNS)


def _of_person(person: str) -> Select[Any]:
    own = select(customers.c.id).where(customers.c.person == person)
    return _all().where(backchannel_requests.c.customer.in_(own))


def _request(row: Any) -> BackchannelRequest:
    return BackchannelRequest(**row._mapping)


async def _one(connection: AsyncConnection, statement: Select[Any]) -> BackchannelRequest | None:
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _request(row)
