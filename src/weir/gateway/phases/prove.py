"""Proofs and promises due before anything leaves.

The records can be written, the request is signed where the product asks for it, the body is there
where the call's identity is to be signed over it, and a call that moves money has its intent
committed, so that a crash cannot lose it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Coroutine
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from weir.consent.recurring_payments import Mandate
from weir.gateway.call import Call
from weir.gateway.config.snapshot import Operation
from weir.gateway.declares import (
    BOUND_VALUE_MISSING,
    CONSENT_LIMIT_REACHED,
    CONSENT_USED,
    IDEMPOTENCY_KEY_REQUIRED,
    SIGNATURE_INVALID,
    SIGNATURE_MISSING,
    SIGNED_BODY_BYTES,
)
from weir.gateway.phases import bound_values
from weir.gateway.phases.signature import check_signature
from weir.kernel.declares import PLATFORM_UNAVAILABLE, UNSUPPORTED_MEDIA_TYPE
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.metering.counters.payment_intents import ClaimOutcome, Intent, claim, record_name_of
from weir.metering.counters.period_sums import ExceededLimit, PeriodLimit
from weir.metering.declares import RECORD_UNWRITABLE
from weir.store.declares import ENGINE_UNAVAILABLE, IDEMPOTENCY_KEY_REUSED
from weir.wire.declares import BODY_TOO_LARGE, MALFORMED_HTTP, REQUEST_TIMEOUT

# In the order in which they are tried.
REFUSALS: Final = (
    RECORD_UNWRITABLE,
    SIGNATURE_MISSING,
    SIGNATURE_INVALID,
    MALFORMED_HTTP,
    REQUEST_TIMEOUT,
    BODY_TOO_LARGE,
    ENGINE_UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    IDEMPOTENCY_KEY_REQUIRED,
    PLATFORM_UNAVAILABLE,
    IDEMPOTENCY_KEY_REUSED,
    CONSENT_USED,
    CONSENT_LIMIT_REACHED,
)


# Visible ASCII, as the Idempotency-Key draft's structured string, within a sane length.
# Dots alone are no name in the path under which a member tells of a payment.
_KEY: Final = re.compile(r"(?!\.{1,2}\Z)[\x21-\x7e]{1,128}")


def prove(call: Call) -> Awaitable[None] | None:
    """Check the conditions of forwarding. Return an awaitable for a nonce's use, a body, or an
    intent's commit.
    """
    operation = call.operation
    assert operation is not None
    if call.parts.record_stream.failing:
        raise Refusal(RECORD_UNWRITABLE, "the last record could not be written")
    if operation.signed and call.signed is None:
        return check_signature(call)
    if call.body is None and call.exchange.request.has_body and _signs_body(call):
        waiting = call.collect(SIGNED_BODY_BYTES)
        if waiting is not None:
            return waiting
    if not operation.moves_money or call.claimed:
        return None
    call.idempotency_key = _key(call, operation)
    return _claim(call, operation, call.idempotency_key)


def _signs_body(call: Call) -> bool:
    """Whether the member gets an identity that is signed over the body."""
    return call.right is not None and call.right.signs_each_call


def _key(call: Call, operation: Operation) -> str:
    """Return the call's idempotency key. Refusal IDEMPOTENCY_KEY_REQUIRED."""
    reference = None if operation.bound is None else operation.bound.idempotency_key
    if reference is None:
        raise Refusal(IDEMPOTENCY_KEY_REQUIRED, "the key is not bound")
    try:
        key = bound_values.read(call, reference)
    except Refusal as refusal:
        if refusal.outcome is not BOUND_VALUE_MISSING:
            raise
        raise Refusal(IDEMPOTENCY_KEY_REQUIRED, refusal.detail) from refusal
    if _KEY.fullmatch(key) is None:
        raise Refusal(IDEMPOTENCY_KEY_REQUIRED, "the key is not visible ASCII, or dots alone")
    return key


def request_digest(call: Call) -> str:
    """Return the SHA-256, in hexadecimal, over the member's task: method, target and body."""
    request = call.exchange.request
    digest = sha256(b"%b %b\n" % (request.method.encode(), request.target))
    digest.update(call.body or b"")
    return digest.hexdigest()


def _claim(call: Call, operation: Operation, key: str) -> Coroutine[Any, Any, None]:
    token, subscription, amount = call.token, call.subscription, call.amount
    assert token is not None
    assert token.consent_id is not None
    assert token.record_name is not None
    assert subscription is not None
    assert amount is not None
    assert call.grant is not None
    mandate, at = call.grant.mandate, datetime.now(UTC)
    name = token.record_name if mandate is None else record_name_of(token.record_name, key)
    intent = Intent(
        consent_id=token.consent_id,
        record_name=name,
        client_id=token.client_id,
        idempotency_key=key,
        request_sha256=request_digest(call),
        capability=operation.capability,
        subscription=subscription.id,
        member=operation.member,
        interaction_id=call.interaction_id.decode(),
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        at=at,
        limits=() if mandate is None else _limits(mandate, at),
    )
    return _commit(call, intent)


def _limits(mandate: Mandate, at: datetime) -> tuple[PeriodLimit, ...]:
    """Return the mandate's limits on the sums of payments, for the periods of this moment."""
    return tuple(
        PeriodLimit(each.name, each.limit.amount.amount_minor, each.span.ends_at)
        for each in mandate.limit_periods_at(at)
    )


async def _commit(call: Call, intent: Intent) -> None:
    """Commit the intent, or raise the refusal of the claim."""
    try:
        async with call.parts.database.connect() as connection:
            claimed = await claim(connection, intent)
            if claimed.short is None:
                await connection.commit()
    except Refusal as refusal:
        if refusal.outcome is not ENGINE_UNAVAILABLE:
            raise
        raise Refusal(PLATFORM_UNAVAILABLE, refusal.detail) from refusal
    if claimed.outcome is ClaimOutcome.CONSENT_USED:
        raise Refusal(CONSENT_USED)
    if claimed.outcome is ClaimOutcome.KEY_REUSED:
        raise Refusal(IDEMPOTENCY_KEY_REUSED)
    if claimed.short is not None:
        raise _too_much(claimed.short, intent.currency)
    call.claimed = True
    if intent.limits:
        call.payment_name = intent.record_name


def _too_much(short: ExceededLimit, currency: str) -> Refusal:
    """Return the refusal that names the limit, the sum left of it, and when it begins anew."""
    limit = short.limit
    return Refusal(
        CONSENT_LIMIT_REACHED,
        f"{limit.period}: {short.left_minor} of {limit.limit_minor} left",
        period=limit.period.partition(":")[0],
        limit=str(Money(limit.limit_minor, currency).decimal()),
        left=str(Money(short.left_minor, currency).decimal()),
        currency=currency,
        renews_at=limit.ends_at.isoformat(),
    )
