"""The call record: in the operating system's hands before the answer's last byte."""

from __future__ import annotations

from weir.gateway.call import Call
from weir.metering.records import CallRecord


def record(call: Call) -> None:
    """Write the call's record. Refusal RECORD_UNWRITABLE when that fails."""
    exchange, refusal = call.exchange, call.refusal
    application, subscription = call.application, call.subscription
    operation, token, amount = call.operation, call.token, call.amount
    consented = operation is not None and operation.consent_type is not None
    call.gateway.recording.write(
        CallRecord(
            at_us=exchange.arrived_ns // 1000,
            duration_us=call.duration_us(),
            interaction_id=call.interaction_id.decode(),
            application=None if application is None else application.id,
            organisation=None if application is None else application.organisation,
            product=None if operation is None else operation.product.id,
            capability=None if operation is None else operation.capability,
            member=None if operation is None else operation.member,
            subscription=None if subscription is None else subscription.id,
            plan=None if subscription is None else subscription.plan,
            consent=token.consent_id if consented and token is not None else None,
            method=exchange.request.method,
            path=None if operation is None else operation.template,
            status=call.status,
            refusal=None if refusal is None else refusal.code,
            fault=None if refusal is None else refusal.fault.value,
            bytes_in=exchange.body_bytes,
            bytes_out=exchange.answer_bytes,
            amount_minor=None if amount is None else amount.amount_minor,
            currency=None if amount is None else amount.currency,
        )
    )
