"""The call record: in the operating system's hands before the answer's last byte."""

from __future__ import annotations

import time

from weir.gateway.call import Call
from weir.metering.records import CallRecord


def record(call: Call) -> None:
    """Write the call's record, once. Refusal RECORD_UNWRITABLE when that fails."""
    if call.recorded:
        return
    exchange = call.exchange
    entry = CallRecord(
        at_us=exchange.arrived_ns // 1000,
        duration_us=int((time.perf_counter() - call.started_s) * 1e6),
        interaction_id=call.interaction_id.decode(),
        method=exchange.request.method,
        status=call.status,
        bytes_in=exchange.body_bytes,
        bytes_out=exchange.answer_bytes,
    )
    _caller(call, entry)
    _operation(call, entry)
    if call.refusal is not None:
        entry.refusal = call.refusal.code
        entry.fault = call.refusal.fault.value
    call.gateway.recording.write(entry)
    call.recorded = True


def _caller(call: Call, entry: CallRecord) -> None:
    application, subscription = call.application, call.subscription
    if application is not None:
        entry.application = application.id
        entry.organisation = application.organisation
    if subscription is not None:
        entry.subscription = subscription.id
        entry.plan = subscription.plan


def _operation(call: Call, entry: CallRecord) -> None:
    operation = call.operation
    if operation is not None:
        if operation.consent_type is not None and call.token is not None:
            entry.consent = call.token.consent_id
        entry.product = operation.product.id
        entry.capability = operation.capability
        entry.member = operation.member
        entry.path = operation.template
    if call.amount is not None:
        entry.amount_minor = call.amount.amount_minor
        entry.currency = call.amount.currency
