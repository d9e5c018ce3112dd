"""The call record, in the operating system's hands before the answer's last byte."""

from __future__ import annotations

from typing import Final

from weir.gateway.call import Call
from weir.gateway.config.snapshot import Application
from weir.gateway.record_stream import OnWritten
from weir.metering.declares import RECORD_UNWRITABLE
from weir.metering.records.records import NO_DETAILS, Details, Terms, encoded_details, encoded_terms

# Passed to `on_written`, not raised.
REFUSALS: Final = (RECORD_UNWRITABLE,)


def record(call: Call, application: Application, on_written: OnWritten) -> None:
    """Write the record of an application's call, and call `on_written` as `RecordStream.write`
    says.
    """
    exchange, right = call.exchange, call.right
    if right is None or call.payment_name is not None or not _is_own_method(call):
        terms = _terms(call, application)
    elif right.terms:
        terms = right.terms
    else:
        terms = right.terms = _terms(call, application)
    plain = call.refusal is None and call.amount is None and call.labels is None
    call.duration_us = call.lasted_us()
    call.parts.record_stream.write(
        on_written,
        application.id,
        call_number(call, application),
        exchange.arrived_ns // 1000,
        call.duration_us,
        call.interaction_id,
        call.status,
        exchange.body_bytes,
        exchange.answer_bytes,
        terms,
        NO_DETAILS if plain else _details(call),
    )


def _is_own_method(call: Call) -> bool:
    """Whether the operation was called by its own method: GET may be asked for as HEAD."""
    return call.operation is not None and call.operation.method == call.exchange.request.method


def call_number(call: Call, application: Application) -> int:
    """Return the call's number among its application's, from 1."""
    if call.number == 0:
        call.number = call.parts.record_stream.number(application.id)
    return call.number


def receipt_line(call: Call) -> bytes:
    """Return the field line that names the call's receipt.

    It is empty when no application was identified.
    """
    application = call.application
    if application is None:
        return b""
    return call.parts.record_stream.receipt_line(
        application.id,
        call_number(call, application),
        call.exchange.arrived_ns // 1000,
        call.interaction_id,
        call.status,
    )


def _terms(call: Call, application: Application) -> bytes:
    """Return the part of the record that the caller's right decides, encoded."""
    subscription, operation = call.subscription, call.operation
    return encoded_terms(
        Terms(
            application=application.id,
            organisation=application.organisation,
            product=None if operation is None else operation.product,
            capability=None if operation is None else operation.capability,
            member=None if operation is None else operation.member,
            subscription=None if subscription is None else subscription.id,
            plan=None if subscription is None else subscription.plan,
            consent=call.payment_name or _consent_name(call),
            method=call.exchange.request.method,
            path=None if operation is None else operation.template,
        )
    )


def _consent_name(call: Call) -> str | None:
    """Return the records' name of the consent that the operation needs, if it needs one."""
    if call.operation is None or call.operation.consent_type is None or call.token is None:
        return None
    return call.token.record_name


def _details(call: Call) -> bytes:
    refusal, amount = call.refusal, call.amount
    scene, channel, referrer = call.labels or (None, None, None)
    return encoded_details(
        Details(
            refusal=None if refusal is None else refusal.code,
            fault=None if refusal is None else refusal.fault.value,
            amount_minor=None if amount is None else amount.amount_minor,
            currency=None if amount is None else amount.currency,
            scene=scene,
            channel=channel,
            referrer=referrer,
        )
    )
