"""Intents: what a gateway was about to do, committed before a call that moves money is forwarded.

An intent makes a payment consent single-use, ties the idempotency key to one request, and lets
`reconciling` find a payment that was made but never answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class ClaimOutcome(Enum):
    """NEW and RETRY_SAME may be forwarded; the other two are refused."""

    NEW = "new"  # nobody has used this consent or this key
    RETRY_SAME = "retry_same"  # the same request again: the member answers it as it did before
    CONSENT_USED = "consent_used"  # the consent paid, or may have paid, under another request
    KEY_REUSED = "key_reused"  # the key belongs to a different request


@dataclass(frozen=True, slots=True)
class Intent:
    """One payment about to be asked for. `request_sha256` is lower-case hex over the body;
    `record_name` is what records name the consent by.
    """

    consent_id: str
    record_name: str
    client_id: str
    idempotency_key: str
    request_sha256: str
    capability: str
    subscription: str
    member: str
    interaction_id: str
    amount_minor: int
    currency: str
    at: datetime


_INSERT = text("""
    INSERT INTO intents (consent_id, record_name, client_id, idempotency_key, request_sha256,
                         capability, subscription, member, interaction_id, amount_minor, currency,
                         at, state)
    VALUES (:consent_id, :record_name, :client_id, :idempotency_key, :request_sha256,
            :capability, :subscription, :member, :interaction_id, :amount_minor, :currency,
            :at, 'forwarded')
    ON CONFLICT DO NOTHING
    RETURNING consent_id
""")
_HELD = text("""
    SELECT consent_id, client_id, idempotency_key, request_sha256, state, status
      FROM intents
     WHERE consent_id = :consent_id
        OR (client_id = :client_id AND idempotency_key = :idempotency_key)
     ORDER BY consent_id
       FOR UPDATE
""")
_CLAIMED = text("SELECT consent_id FROM intents WHERE consent_id = ANY(:consent_ids)")
_REFRESH = text("""
    UPDATE intents SET at = :at, interaction_id = :interaction_id
     WHERE consent_id = :consent_id AND state = 'forwarded'
""")
_ALL_DECIDED = text("""
    SELECT bool_and(state <> 'forwarded') FROM intents WHERE consent_id = ANY(:consent_ids)
""")
# What is left keeps a consent single-use and a key to its request, and matches no record.
_DETACH = text("""
    UPDATE intents
       SET record_name = NULL, interaction_id = NULL, amount_minor = 0,
           at = date_trunc('month', at, 'UTC')
     WHERE consent_id = ANY(:consent_ids)
""")
_ANSWERED = text("""
    UPDATE intents SET state = 'answered', status = :status
     WHERE consent_id = :consent_id AND state = 'forwarded'
""")


async def claim(connection: AsyncConnection, intent: Intent) -> ClaimOutcome:
    """Claim the consent and the key for this request. Commit before forwarding.

    Of any number of claims at once exactly one is NEW.
    """
    values = {name: getattr(intent, name) for name in Intent.__slots__}
    if (await connection.execute(_INSERT, values)).first() is not None:
        return ClaimOutcome.NEW
    held = (await connection.execute(_HELD, values)).all()
    outcome = judge(intent, cast(Iterable[Held], held))
    if outcome is ClaimOutcome.RETRY_SAME:
        # The wait before reconciliation starts anew, because the request is on its way again.
        await connection.execute(_REFRESH, values)
    return outcome


class Held(Protocol):
    """What `judge` needs of an intent that is already there."""

    @property
    def consent_id(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def idempotency_key(self) -> str: ...
    @property
    def request_sha256(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def status(self) -> int | None: ...


def judge(intent: Intent, held: Iterable[Held]) -> ClaimOutcome:
    """What a claim is, given the intents that hold its consent or its key."""
    held = list(held)
    for row in held:
        same_key = (row.client_id, row.idempotency_key) == (
            intent.client_id,
            intent.idempotency_key,
        )
        if same_key and (row.consent_id, row.request_sha256) != (
            intent.consent_id,
            intent.request_sha256,
        ):
            return ClaimOutcome.KEY_REUSED
    own = next((row for row in held if row.consent_id == intent.consent_id), None)
    if own is None or own.idempotency_key != intent.idempotency_key:
        return ClaimOutcome.CONSENT_USED
    if own.client_id != intent.client_id or (own.state == "reconciled" and own.status == 0):
        # Reconciliation found that the payment was not made; its consent stays used all the same.
        return ClaimOutcome.CONSENT_USED
    return ClaimOutcome.RETRY_SAME


async def claimed(connection: AsyncConnection, consent_ids: Collection[str]) -> set[str]:
    """Which of these consents have an intent: they are used, whatever became of the payment."""
    found = await connection.execute(_CLAIMED, {"consent_ids": list(consent_ids)})
    return set(found.scalars())


async def answered(connection: AsyncConnection, consent_id: str, status: int) -> None:
    """Note that the member answered with 2xx or 3xx and the call is recorded.

    Any other status leaves the intent to reconciliation, which asks the member what became of it:
    a 409 or a 5xx does not say that nothing was paid.
    """
    if 200 <= status < 400:
        await connection.execute(_ANSWERED, {"consent_id": consent_id, "status": status})


async def detach(connection: AsyncConnection, consent_ids: Collection[str]) -> bool:
    """Take out of the intents of these consents what leads to records. False, and nothing is done,
    while one of them is undecided.
    """
    asked = {"consent_ids": list(consent_ids)}
    if await connection.scalar(_ALL_DECIDED, asked) is False:
        return False
    await connection.execute(_DETACH, asked)
    return True
