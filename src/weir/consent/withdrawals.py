"""Withdrawals of consents, and the confirmation that one has taken effect everywhere.

A withdrawal is committed together with a revocation in the change log. It is *confirmed* once every
gateway process with a live lease has applied that revocation; a process that cannot follow the log
stops serving consented calls when its lease ends. So a withdrawal has two times: when it was
committed, and when the last gateway had applied it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.consent import consents
from weir.consent.consents import Consent
from weir.consent.published import REVOCATION, SLACK_S, revocation, revocation_key
from weir.consent.states import Move
from weir.consent.transitions import lock, move, write
from weir.identity import customers
from weir.kernel import inputs
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.keys.vault import PLATFORM
from weir.partners import organisations
from weir.store.database import Database
from weir.store.declares import REVOCATION_WAIT_S
from weir.store.processes import await_acknowledged
from weir.store.schema import changes
from weir.store.unit import Actor, UnitOfWork

By = Literal["customer", "member", "operator", "partner", "platform"]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal of a consent.

    `acknowledged_at` is None until every gateway has confirmed it. `withdrawal_ms` is the time that
    took, in milliseconds.
    """

    consent: str
    withdrawn_at: datetime
    acknowledged_at: datetime | None
    withdrawal_ms: int | None


async def withdraw(unit: UnitOfWork, consent_id: str, by: By, reason: str = "") -> Consent:
    """Withdraw a consent in the unit's transaction, on behalf of its actor.

    Refusal NOT_FOUND when the actor may not withdraw it, ILLEGAL_STATE when it has ended,
    INVALID_INPUT for the reason.
    """
    present = await lock(unit, consent_id)
    if not await _may_withdraw(unit, present, by):
        raise Refusal(NOT_FOUND, f"{unit.actor.subject} may not withdraw {consent_id} as {by}")
    why = inputs.prose(reason, "/reason", 500)
    withdrawn = await move(
        unit, consent_id, Move.WITHDRAW, ended_at=unit.now, ended_by=by, reason=why
    )
    # The consent's own revocation comes last: a process that has applied it has applied them all.
    await _void_widened(unit, withdrawn)
    unit.publish(revocation("consent", consent_id, unit.now))
    return withdrawn


async def _void_widened(unit: UnitOfWork, consent: Consent) -> None:
    """Revoke the narrower consents that this one replaced, whose access tokens may still live.

    Their tokens stay valid when a consent is widened, and so must end with the wider one.
    """
    remembered = unit.now - timedelta(seconds=ACCESS_TOKEN_LIFETIME_S + SLACK_S)
    while consent.replaces is not None:
        earlier = await consents.find(unit.connection, consent.replaces)
        if earlier is None or earlier.ended_at is None or earlier.ended_at < remembered:
            return
        unit.publish(revocation("consent", earlier.id, unit.now))
        consent = earlier


async def withdraw_and_confirm(
    database: Database, actor: Actor, consent_id: str, by: By, reason: str = ""
) -> Withdrawal:
    """Withdraw a consent, then wait for all gateways to confirm it, REVOCATION_WAIT_S at most.

    Refuses as `withdraw` does.
    """
    async with database.unit(actor) as unit:
        await withdraw(unit, consent_id, by, reason)
    return await confirm(database, consent_id)


async def confirm(
    database: Database, consent_id: str, timeout_s: float = REVOCATION_WAIT_S
) -> Withdrawal:
    """Wait until every gateway has applied the withdrawal, and record that time.

    May be called again for a withdrawal that was not confirmed in time.
    """
    async with database.connect() as connection:
        consent = await consents.find(connection, consent_id)
        sequence = await _sequence(connection, consent_id)
    assert consent is not None, "only a withdrawn consent is confirmed"
    if consent.acknowledged_at is None:
        at = await await_acknowledged(database, sequence, timeout_s)
        if at is not None:
            consent = await _write_down(database, consent_id, at)
    return report(consent)


async def _sequence(connection: AsyncConnection, consent_id: str) -> int:
    """The number of the consent's revocation in the change log.

    0, which every gateway has applied, when it has left the log because its tokens have expired.
    """
    key = revocation_key("consent", consent_id)
    found = await connection.execute(
        select(changes.c.sequence).where(changes.c.kind == REVOCATION, changes.c.key == key)
    )
    return found.scalar_one_or_none() or 0


async def _write_down(database: Database, consent_id: str, at: datetime) -> Consent:
    async with database.unit(PLATFORM) as unit:
        consent = await lock(unit, consent_id)
        if consent.acknowledged_at is not None:
            return consent
        return await write(unit, consent_id, "consent.withdrawal_confirmed", acknowledged_at=at)


def report(consent: Consent) -> Withdrawal:
    """Return the present state of the withdrawal of a withdrawn consent."""
    assert consent.ended_at is not None
    return Withdrawal(consent.id, consent.ended_at, consent.acknowledged_at, consent.withdrawal_ms)


async def _may_withdraw(unit: UnitOfWork, consent: Consent, by: By) -> bool:
    """Whether the unit's actor is the party `by` and may withdraw this consent."""
    actor = unit.actor
    if by == "member":
        return consent.member == actor.organisation
    if by == "partner":
        return consent.application == actor.subject
    if by == "operator":
        organisation = await organisations.find(unit.connection, actor.organisation)
        return organisation is not None and organisation.kind == "operator"
    if by == "platform":
        return actor == PLATFORM
    if consent.customer is None:
        return False
    customer = await customers.find(unit.connection, consent.customer)
    return customer is not None and customer.person == actor.subject
