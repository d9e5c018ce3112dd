"""The one way a consent changes: lock the row, ask the table of moves, write, and audit.

The audit entry of each change carries the digest of the row as it was left, in the member's chain:
the member is the one who must be able to prove what its customer granted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from weir.consent.consents import Consent, of_row
from weir.consent.declares import INTERACTION_LIFETIME_S, PAYMENT_CONSENT_LIFETIME_S
from weir.consent.integrity import row_digest
from weir.consent.states import EVENT_OF, Move, State, after, in_effect
from weir.consent.tables import consents
from weir.consent.types import ConsentRequest, granted_details, is_single_use
from weir.kernel.declares import ILLEGAL_STATE, INVALID_INPUT, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.store.unit import UnitOfWork


async def open_request(
    unit: UnitOfWork,
    consent_id: str,
    request: ConsentRequest,
    *,
    application: str,
    partner: str,
    member: str,
    lifetime_s: int = INTERACTION_LIFETIME_S,
) -> Consent:
    """Write down that a customer is being asked. Asking again for the same consent changes nothing.

    `member` is the organisation's identifier. The row awaits an answer for `lifetime_s`.
    """
    asked = await unit.connection.execute(
        insert(consents)
        .values(
            id=consent_id,
            type=request.type,
            state=State.AWAITING,
            application=application,
            partner=partner,
            member=member,
            purpose=request.purpose,
            requested=request.details,
            record_name=unit.pseudonym("rec"),
            created_at=unit.now,
            expires_at=unit.now + timedelta(seconds=lifetime_s),
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*consents.c)
    )
    row: Any = asked.one_or_none()
    if row is not None:
        _audit(unit, "consent.requested", row)
        return of_row(row)
    consent = await locked(unit, consent_id)
    if consent.application != application or consent.requested != request.details:
        raise Refusal(NOT_FOUND, f"{consent_id} is another request's")
    return consent


async def record_grant(
    unit: UnitOfWork,
    consent_id: str,
    request: ConsentRequest,
    *,
    customer: str,
    accounts: list[str],
    replaces: str | None = None,
) -> Consent:
    """The customer's yes, with the accounts it is for. ILLEGAL_STATE when it was answered before.

    `accounts` are identifiers the member gave for this customer; a payment needs exactly one.
    `replaces` is the consent whose place this one takes; `replace` ends it.
    """
    if not accounts or (request.pays and len(accounts) != 1):
        raise Refusal(INVALID_INPUT, "no account, or several for a payment", pointer="/accounts")
    lifetime_end = unit.now + timedelta(seconds=PAYMENT_CONSENT_LIFETIME_S)
    return await move(
        unit,
        consent_id,
        Move.GRANT,
        customer=customer,
        granted=granted_details(request.type, request.details, accounts),
        decided_at=unit.now,
        expires_at=request.expires_at or lifetime_end,
        replaces=replaces,
    )


async def reject(unit: UnitOfWork, consent_id: str, customer: str | None) -> Consent:
    """The customer's no."""
    return await move(
        unit, consent_id, Move.REJECT, customer=customer, decided_at=unit.now, ended_at=unit.now
    )


async def replace(unit: UnitOfWork, consent_id: str) -> Consent:
    """Another consent of the same customer took its place. ILLEGAL_STATE when it has ended."""
    return await move(unit, consent_id, Move.REPLACE, ended_at=unit.now)


async def mark_used(unit: UnitOfWork, consent_id: str) -> Consent:
    """The one call of a payment consent was made. ILLEGAL_STATE when that is written already.

    A gateway decides use by its intent; this only writes it down, so it may come after the date.
    """
    return await move(unit, consent_id, Move.USE)


async def mark_all_used(unit: UnitOfWork, consent_ids: Collection[str]) -> int:
    """Write down the use of those that still stand as granted. Returns how many."""
    found = await unit.connection.execute(
        select(consents.c.id)
        .where(consents.c.id.in_(consent_ids), consents.c.state == State.GRANTED)
        .order_by(consents.c.id)
        .with_for_update(skip_locked=True)
    )
    ids = list(found.scalars())
    for consent_id in ids:
        await mark_used(unit, consent_id)
    return len(ids)


async def expire_due(unit: UnitOfWork, at_most: int = 500) -> int:
    """Write down the end of consents whose date has passed. Returns how many."""
    due = await unit.connection.execute(
        select(consents.c.id)
        .where(consents.c.state.in_([State.AWAITING, State.GRANTED, State.USED]))
        .where(consents.c.expires_at <= unit.now)
        .order_by(consents.c.id)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    ids = list(due.scalars())
    for consent_id in ids:
        await move(unit, consent_id, Move.EXPIRE, ended_at=unit.now)
    return len(ids)


async def move(unit: UnitOfWork, consent_id: str, step: Move, **columns: Any) -> Consent:
    """Make one move of `states.MOVES` and set `columns` with it. NOT_FOUND, ILLEGAL_STATE."""
    present = await locked(unit, consent_id)
    state = present.state
    if (
        step not in (Move.EXPIRE, Move.USE)
        and in_effect(state, present.expires_at, unit.now) != state
    ):
        raise Refusal(ILLEGAL_STATE, f"{step} after its end", state=State.EXPIRED.value)
    following = after(state, step, single_use=is_single_use(present.type))
    return await write(unit, consent_id, EVENT_OF[step], state=following, **columns)


async def write(unit: UnitOfWork, consent_id: str, event: str, **columns: Any) -> Consent:
    """Set columns of a row that is locked, and audit what it became."""
    written = await unit.connection.execute(
        update(consents).where(consents.c.id == consent_id).values(**columns).returning(*consents.c)
    )
    row: Any = written.one()
    _audit(unit, event, row)
    return of_row(row)


async def locked(unit: UnitOfWork, consent_id: str) -> Consent:
    """The row, locked until the commit. NOT_FOUND."""
    found = await unit.connection.execute(
        select(consents).where(consents.c.id == consent_id).with_for_update()
    )
    row: Any = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, f"consent {consent_id}")
    return of_row(row)


def _audit(unit: UnitOfWork, event: str, row: Any) -> None:
    detail: dict[str, Any] = {
        "state": row.state,
        "type": row.type,
        "application": row.application,
        "customer": row.customer,
        "digest": row_digest(dict(row._mapping)),
    }
    if row.ended_by is not None:
        detail |= {"by": row.ended_by, "reason": row.reason}
    unit.audit(event, row.id, detail, row.member)
