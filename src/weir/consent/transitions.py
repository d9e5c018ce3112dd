"""Transitions of consents: lock the row, check the move in the table, write, and audit.

All changes of consents go this way. The audit entry of each change has the digest of the changed
row, in the member's chain, since the member must be able to prove its customer's consent.
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
    """Record a request for a consent. The same request again changes nothing.

    `member` is the organisation's identifier. The consent awaits an answer for `lifetime_s`.
    Refusal NOT_FOUND when the identifier belongs to another request.
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
    consent = await lock(unit, consent_id)
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
    """Record the customer's grant of a consent for some accounts.

    `accounts` are the member's identifiers of this customer's accounts; a payment needs exactly
    one. `replaces` is the consent whose place this one takes; `replace` ends it. Refusal
    INVALID_INPUT for the number of accounts, ILLEGAL_STATE when the request was answered before.
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
    """Record the customer's rejection. Refusal ILLEGAL_STATE when it was answered before."""
    return await move(
        unit, consent_id, Move.REJECT, customer=customer, decided_at=unit.now, ended_at=unit.now
    )


async def replace(unit: UnitOfWork, consent_id: str) -> Consent:
    """End a consent whose place another one took. Refusal ILLEGAL_STATE when it has ended."""
    return await move(unit, consent_id, Move.REPLACE, ended_at=unit.now)


async def mark_used(unit: UnitOfWork, consent_id: str) -> Consent:
    """Mark a consent to one payment used. Refusal ILLEGAL_STATE when it is marked already.

    A gateway decides about the use by its payment intent. This only records it, so it may come
    after the consent's end date.
    """
    return await move(unit, consent_id, Move.USE)


async def mark_all_used(unit: UnitOfWork, consent_ids: Collection[str]) -> int:
    """Mark the consents that are still granted as used; return their number."""
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
    """Record the end of up to `at_most` consents whose date has passed. Returns how many."""
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
    """Make one move of `states.MOVES`, and set `columns` with it.

    Refusal NOT_FOUND, or ILLEGAL_STATE when the move is not possible.
    """
    present = await lock(unit, consent_id)
    state = present.state
    if (
        step not in (Move.EXPIRE, Move.USE)
        and in_effect(state, present.expires_at, unit.now) != state
    ):
        raise Refusal(ILLEGAL_STATE, f"{step} after its end", state=State.EXPIRED.value)
    following = after(state, step, single_use=is_single_use(present.type))
    return await write(unit, consent_id, EVENT_OF[step], state=following, **columns)


async def write(unit: UnitOfWork, consent_id: str, event: str, **columns: Any) -> Consent:
    """Set columns of a locked row, and write an audit entry with the new digest."""
    written = await unit.connection.execute(
        update(consents).where(consents.c.id == consent_id).values(**columns).returning(*consents.c)
    )
    row: Any = written.one()
    _audit(unit, event, row)
    return of_row(row)


async def lock(unit: UnitOfWork, consent_id: str) -> Consent:
    """Return a consent with its row locked until the commit. Refusal NOT_FOUND."""
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
