"""What must be proven or promised before anything leaves: the records can be written, and a call
that moves money has its intent committed, so that a crash cannot lose it.

Refusals: record_unwritable, signature_missing, signature_invalid, idempotency_key_required,
consent_used, idempotency_key_reused, platform_unavailable.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Coroutine
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from weir.gateway.call import Call
from weir.gateway.phases.signature import check_signature
from weir.gateway.snapshot import Operation
from weir.kernel.outcomes import (
    BOUND_VALUE_MISSING,
    CONSENT_USED,
    ENGINE_UNAVAILABLE,
    IDEMPOTENCY_KEY_REQUIRED,
    IDEMPOTENCY_KEY_REUSED,
    PLATFORM_UNAVAILABLE,
    RECORD_UNWRITABLE,
    Refusal,
)
from weir.metering.intents import ClaimOutcome, Intent, claim

# Visible ASCII, as the Idempotency-Key draft's structured string, within a sane length.
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")


def prove(call: Call) -> Awaitable[None] | None:
    """Check what must stand before forwarding. Waits for the signature's nonce, where the product
    asks for one, and for the intent's commit.
    """
    operation = call.operation
    assert operation is not None
    if call.gateway.recording.failing:
        raise Refusal(RECORD_UNWRITABLE, "the last record could not be written")
    if operation.signed and call.signed is None:
        return check_signature(call)
    if not operation.moves_money or call.claimed:
        return None
    call.idempotency_key = _key(call, operation)
    return _claim(call, operation, call.idempotency_key)


def _key(call: Call, operation: Operation) -> str:
    reference = None if operation.bound is None else operation.bound.idempotency_key
    if reference is None:
        raise Refusal(IDEMPOTENCY_KEY_REQUIRED, "the key is not bound")
    try:
        key = reference.read(call)
    except Refusal as refusal:
        if refusal.outcome is not BOUND_VALUE_MISSING:
            raise
        raise Refusal(IDEMPOTENCY_KEY_REQUIRED, refusal.detail) from refusal
    if _KEY.fullmatch(key) is None:
        raise Refusal(IDEMPOTENCY_KEY_REQUIRED, "the key is not visible ASCII")
    return key


def request_digest(call: Call) -> str:
    """SHA-256 over what the member will act on: method, target and body."""
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
    intent = Intent(
        consent_id=token.consent_id,
        record_name=token.record_name,
        client_id=token.client_id,
        idempotency_key=key,
        request_sha256=request_digest(call),
        capability=operation.capability,
        subscription=subscription.id,
        member=operation.member,
        interaction_id=call.interaction_id.decode(),
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        at=datetime.now(UTC),
    )
    return _commit(call, intent)


async def _commit(call: Call, intent: Intent) -> None:
    try:
        async with call.gateway.database.connect() as connection:
            outcome = await claim(connection, intent)
            await connection.commit()
    except Refusal as refusal:
        if refusal.outcome is not ENGINE_UNAVAILABLE:
            raise
        raise Refusal(PLATFORM_UNAVAILABLE, refusal.detail) from refusal
    if outcome is ClaimOutcome.CONSENT_USED:
        raise Refusal(CONSENT_USED)
    if outcome is ClaimOutcome.KEY_REUSED:
        raise Refusal(IDEMPOTENCY_KEY_REUSED)
    call.claimed = True
