"""Payment intents, committed before a gateway forwards a call that moves money.

An intent makes a consent to one payment single-use, claims the amount of a recurring payment from
the limits of its periods, ties the idempotency key to one request, and lets `reconciliation` find a
payment that was made but never answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Protocol, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.identifiers import ALPHABET
from weir.metering.counters import period_sums
from weir.metering.counters.period_sums import ExceededLimit, PeriodLimit


class ClaimOutcome(Enum):
    """Outcome of a claim: NEW and RETRY_SAME may be forwarded, all others are refused."""

    NEW = "new"  # neither the consent nor the key was used before
    RETRY_SAME = "retry_same"  # the same request again: the member answers it as it did before
    CONSENT_USED = "consent_used"  # the consent paid, or may have paid, under another request
    KEY_REUSED = "key_reused"  # the key belongs to a different request
    LIMIT_REACHED = "limit_reached"  # a recurring payment would pass the limit of a period


@dataclass(frozen=True, slots=True)
class Claim:
    """The result of a claim; `short` is the limit that LIMIT_REACHED is about."""

    outcome: ClaimOutcome
    short: ExceededLimit | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """One payment about to be requested.

    `request_sha256` is lower-case hex over the body; `record_name` is the name that records give
    the payment's consent. A recurring payment has one limit or more; `limits` is empty where the
    consent is for this payment alone.
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
    limits: tuple[PeriodLimit, ...] = ()

    @property
    def occurrence(self) -> str:
        """The payment's name within its consent: the key, or '' for a consent to one payment."""
        return self.idempotency_key if self.limits else ""


def record_name_of(consent_record_name: str, idempotency_key: str) -> str:
    """Return the name that records give a recurring payment, in the form of a consent's own.

    So each payment is found by its name, also when it is requested again; and without the consent's
    name or the intent, it cannot be told which payments belong together.
    """
    digest = sha256(f"{consent_record_name} {idempotency_key}".encode()).digest()
    value = int.from_bytes(digest[:17], "big")
    return "rec_" + "".join(ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


_INSERT = text("""
    INSERT INTO intents (consent_id, record_name, client_id, idempotency_key, request_sha256,
                         capability, subscription, member, interaction_id, amount_minor, currency,
                         at, state, occurrence, periods, attempts)
    VALUES (:consent_id, :record_name, :client_id, :idempotency_key, :request_sha256,
            :capability, :subscription, :member, :interaction_id, :amount_minor, :currency,
            :at, 'forwarded', :occurrence, CAST(:periods AS text[]), 1)
    ON CONFLICT DO NOTHING
    RETURNING consent_id
""")
_HELD = text("""
    SELECT consent_id, client_id, idempotency_key, request_sha256, state, status
      FROM intents
     WHERE (consent_id = :consent_id AND occurrence = :occurrence)
        OR (client_id = :client_id AND idempotency_key = :idempotency_key)
     ORDER BY consent_id
       FOR UPDATE
""")
_CLAIMED = text("SELECT consent_id FROM intents WHERE consent_id = ANY(:consent_ids)")
_REFRESH = text("""
    UPDATE intents SET at = :at, interaction_id = :interaction_id, attempts = attempts + 1
     WHERE client_id = :client_id AND idempotency_key = :idempotency_key AND state = 'forwarded'
""")
_ALL_DECIDED = text("""
    SELECT bool_and(state <> 'forwarded') FROM intents WHERE consent_id = ANY(:consent_ids)
""")
# The rest of the row keeps a consent single-use and a key to its request, and matches no record.
_DETACH = text("""
    UPDATE intents
       SET record_name = NULL, interaction_id = NULL, amount_minor = 0,
           at = date_trunc('month', at, 'UTC'),
           periods = CASE WHEN occurrence <> '' THEN CAST('{}' AS text[]) END
     WHERE consent_id = ANY(:consent_ids)
""")
_ANSWERED = text("""
    UPDATE intents SET state = 'answered', status = :status
     WHERE client_id = :client_id AND idempotency_key = :idempotency_key AND state = 'forwarded'
""")
_UNSENT = text("""
    UPDATE intents SET attempts = attempts - 1
     WHERE client_id = :client_id AND idempotency_key = :idempotency_key
       AND state = 'forwarded' AND occurrence <> ''
    RETURNING attempts
""")
_REMOVE = text("""
    DELETE FROM intents
     WHERE client_id = :client_id AND idempotency_key = :idempotency_key AND occurrence <> ''
    RETURNING consent_id, amount_minor, periods
""")


async def claim(connection: AsyncConnection, intent: Intent) -> Claim:
    """Claim the consent, the key and the amount for this request.

    Commit before forwarding; roll back when the outcome is not to be forwarded. Of any number of
    claims at once for one payment exactly one is NEW.
    """
    values = {name: getattr(intent, name) for name in Intent.__slots__ if name != "limits"}
    values |= {
        "occurrence": intent.occurrence,
        "periods": [each.period for each in intent.limits] or None,
    }
    held: list[HeldIntent] = []
    while not held:  # a conflicting row may be removed before it is read
        if (await connection.execute(_INSERT, values)).first() is not None:
            return await _claim_amount(connection, intent)
        held = cast(list[HeldIntent], (await connection.execute(_HELD, values)).all())
    outcome = judge(intent, held)
    if outcome is ClaimOutcome.RETRY_SAME:
        # The request is sent again, so the wait before its reconciliation starts anew.
        await connection.execute(_REFRESH, values)
    return Claim(outcome)


async def _claim_amount(connection: AsyncConnection, intent: Intent) -> Claim:
    """Add the amount of a new recurring payment to the sums of its periods."""
    if not intent.limits:
        return Claim(ClaimOutcome.NEW)
    short = await period_sums.claim(
        connection, intent.consent_id, intent.amount_minor, intent.limits
    )
    return Claim(ClaimOutcome.NEW if short is None else ClaimOutcome.LIMIT_REACHED, short)


class HeldIntent(Protocol):
    """The columns of a stored intent that `judge` needs."""

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


def judge(intent: Intent, held: Iterable[HeldIntent]) -> ClaimOutcome:
    """Return the outcome of a claim, given the intents that hold its consent or its key."""
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


async def find_claimed(connection: AsyncConnection, consent_ids: Collection[str]) -> set[str]:
    """Return the consents to one payment that have an intent, whatever became of it."""
    found = await connection.execute(_CLAIMED, {"consent_ids": list(consent_ids)})
    return set(found.scalars())


async def record_answer(connection: AsyncConnection, client_id: str, key: str, status: int) -> None:
    """Note that the member answered with 2xx or 3xx and the call is recorded.

    Any other status leaves the intent to reconciliation, which asks the member about the payment: a
    409 or a 5xx does not say that nothing was paid.
    """
    if 200 <= status < 400:
        named = {"client_id": client_id, "idempotency_key": key, "status": status}
        await connection.execute(_ANSWERED, named)


async def release_unsent(connection: AsyncConnection, client_id: str, key: str) -> None:
    """Note that a request for a recurring payment ended before a byte of it was sent.

    Where no other request for the payment is or was on its way, nothing was paid.
    """
    named = {"client_id": client_id, "idempotency_key": key}
    if await connection.scalar(_UNSENT, named) == 0:
        await cancel_unpaid(connection, client_id, key)


async def cancel_unpaid(connection: AsyncConnection, client_id: str, key: str) -> None:
    """Undo the intent of a recurring payment that is known not to be made.

    Its key and its amount are free again. An intent of any other payment stays.
    """
    named = {"client_id": client_id, "idempotency_key": key}
    gone = (await connection.execute(_REMOVE, named)).one_or_none()
    if gone is not None:
        await period_sums.give_back(connection, gone.consent_id, gone.amount_minor, gone.periods)


async def detach(connection: AsyncConnection, consent_ids: Collection[str]) -> bool:
    """Erase from the intents of these consents everything that leads to records.

    Return False, and change nothing, while one of them is undecided.
    """
    asked = {"consent_ids": list(consent_ids)}
    if await connection.scalar(_ALL_DECIDED, asked) is False:
        return False
    await connection.execute(_DETACH, asked)
    await period_sums.delete_sums(connection, consent_ids)
    return True
