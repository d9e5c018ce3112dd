"""Withdrawing a consent, and knowing when it has taken effect everywhere.

A withdrawal is committed together with a revocation in the change log. It is *confirmed* once every
gateway process with a live lease has applied that revocation; a process that cannot hear stops
serving consented calls when its lease ends. So "withdrawn" is a fact with two times: when it was
said, and when the last gateway knew.
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
from weir.consent.transitions import locked, move, write
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
    """What became of a withdrawal. `acknowledged_at` None: not every gateway has confirmed yet."""

    consent: str
    withdrawn_at: datetime
    acknowledged_at: datetime | None
    withdrawal_ms: int | None


async def withdraw(unit: UnitOfWork, consent_id: str, by: By, reason: str = "") -> Consent:
    """Withdraw in the unit's transaction, on behalf of its actor.

    NOT_FOUND when the consent is not the actor's to withdraw, ILLEGAL_STATE when it has ended.
    """
    present = await locked(unit, consent_id)
    if not await _may_withdraw(unit, present, by):
        raise Refusal(NOT_FOUND, f"{unit.actor.subject} may not withdraw {consent_id} as {by}")
    why = inputs.prose(reason, "/reason", 500)
    withdrawn = await move(
        unit, consent_id, Move.WITHDRAW, ended_at=unit.now, ended_by=by, reason=why
    )
    # Its own number is the last: whoever has applied that has applied them all.
    await _void_widened(unit, withdrawn)
    unit.publish(revocation("consent", consent_id, unit.now))
    return withdrawn


async def _void_widened(unit: UnitOfWork, consent: Consent) -> None:
    """A consent that was widened lives on in the wider one, and so do its last access tokens: they
    end with it.
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
    """Withdraw, then wait for every gateway's word (`limits.REVOCATION_WAIT_S` at most)."""
    async with database.unit(actor) as unit:
        await withdraw(unit, consent_id, by, reason)
    return await confirm(database, consent_id)


async def confirm(
    database: Database, consent_id: str, timeout_s: float = REVOCATION_WAIT_S
) -> Withdrawal:
    """Wait until every gateway has applied the withdrawal, and write down when that was.

    May be asked again later for a withdrawal that was not confirmed in time.
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

    0, which every gateway has applied, when it left the log: all it voided has died.
    """
    key = revocation_key("consent", consent_id)
    found = await connection.execute(
        select(changes.c.sequence).where(changes.c.kind == REVOCATION, changes.c.key == key)
    )
    return found.scalar_one_or_none() or 0


async def _write_down(database: Database, consent_id: str, at: datetime) -> Consent:
    async with database.unit(PLATFORM) as unit:
        consent = await locked(unit, consent_id)
        if consent.acknowledged_at is not None:
            return consent
        return await write(unit, consent_id, "consent.withdrawal_confirmed", acknowledged_at=at)


def report(consent: Consent) -> Withdrawal:
    """The withdrawal of a withdrawn consent, as far as it has come."""
    assert consent.ended_at is not None
    return Withdrawal(consent.id, consent.ended_at, consent.acknowledged_at, consent.withdrawal_ms)


async def _may_withdraw(unit: UnitOfWork, consent: Consent, by: By) -> bool:
    """Whether the unit's actor is the party it withdraws as."""
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
