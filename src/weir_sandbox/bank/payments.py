"""Payments: money moves once for each idempotency key, and can be found again after a crash."""

from __future__ import annotations

import re
import uuid
import zlib
from typing import Annotated, Final

import msgspec
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from weir_sandbox.amounts import Amount, amount
from weir_sandbox.input_checks import Line, fingerprint, idempotency_key, named, positive, read_json
from weir_sandbox.operations import Answer, Call, Desk
from weir_sandbox.problems import (
    INSUFFICIENT_FUNDS,
    INVALID,
    KEY_REUSED,
    MALFORMED,
    NOT_FOUND,
    Kind,
    Problem,
)

CLEARING_ACCOUNTS: Final = 16
"""Outgoing payments are spread over so many accounts, so that they do not queue for one."""

_PAYMENT: Final = re.compile(r"rbp-[0-9a-f]{32}")
_CLIENT: Final = re.compile(r"[\x21-\x7e]{1,256}\Z")

_COLUMNS: Final = (
    "payment_id, status, reason, debtor_account, creditor_account, creditor_name, amount_minor,"
    " reference, at"
)
_PAY: Final = (
    "SELECT outcome, (payment).payment_id, (payment).status, (payment).reason,"
    " (payment).debtor_account, (payment).creditor_account, (payment).creditor_name,"
    " (payment).amount_minor, (payment).reference, (payment).at"
    " FROM pay_and_log(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)

_REFUSALS: Final[dict[str, tuple[Kind, str | None]]] = {
    "insufficient_funds": (INSUFFICIENT_FUNDS, None),
    "key_reused": (KEY_REUSED, None),
    "debtor_unknown": (NOT_FOUND, None),
    "creditor_unknown": (INVALID, "creditor_account is not an account of this bank"),
    "same_account": (INVALID, "debtor and creditor are the same account"),
}
_STATUSES: Final = {"executed": 201, "replayed": 201} | {
    outcome: kind.status for outcome, (kind, _) in _REFUSALS.items()
}

CreditorAccount = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{8,32}|rb-[0-9]{6,12}-[0-9]{2})\Z")]
DebtorAccount = Annotated[str, msgspec.Meta(pattern=r"^rb-[0-9]{6,12}-[0-9]{2}\Z")]


class PaymentOrder(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The order to pay an amount from an account of this bank to any account."""

    debtor_account: DebtorAccount
    creditor_account: CreditorAccount
    creditor_name: Line
    amount: Amount
    reference: Line


_order: Final = msgspec.json.Decoder(PaymentOrder)


async def pay(call: Call, desk: Desk) -> Answer:
    """Decide a payment in one transaction, with the line of its answer."""
    call.values()
    key = idempotency_key(call.idempotency_key)
    order = read_json(call.body, _order)
    minor = positive(order.amount.minor(), "amount")
    call.identity.require(order.debtor_account)
    row = await desk.database.one(_PAY, _pay_values(call, key, order, minor))
    assert row is not None
    outcome, payment = row[0], row[1:]
    reason = payment[2] if payment[1] == "rejected" else outcome
    if reason in _REFUSALS:
        raise Problem(*_REFUSALS[reason], logged=True)
    return Answer(_payment(payment), status=201, logged=True)


def _pay_values(call: Call, key: str, order: PaymentOrder, minor: int) -> tuple[object, ...]:
    """Return the values of `pay_and_log`, in its order."""
    caller = call.identity
    return (
        f"rbp-{uuid.uuid4().hex}",
        caller.client_id,
        key,
        fingerprint(order),
        caller.consent_id,
        order.debtor_account,
        order.creditor_account,
        order.creditor_name,
        minor,
        order.reference,
        f"clearing-{zlib.crc32(order.debtor_account.encode()) % CLEARING_ACCOUNTS:02d}",
        caller.interaction_id,
        Jsonb(_STATUSES),
    )


async def get_payment(call: Call, desk: Desk) -> Answer:
    """Return a payment to the client that made it; to any other, 404."""
    call.values()
    payment_id = named(call.names["payment_id"], _PAYMENT)
    row = await desk.database.one(
        f"SELECT {_COLUMNS} FROM payments WHERE payment_id = %s AND client_id = %s",
        (payment_id, call.identity.client_id),
    )
    if row is None:
        raise Problem(NOT_FOUND)
    if call.identity.accounts is not None:
        call.identity.require(row[3])
    return Answer(_payment(row))


async def payment_by_key(call: Call, desk: Desk) -> Answer:
    """Return the payment under a client's idempotency key, for reconciliation after a crash.

    A rejected payment is not found, since it moved no money: an answer means that money moved.
    """
    values = call.values("client_id")
    client_id = values.get("client_id", "")
    if not _CLIENT.match(client_id):
        raise Problem(MALFORMED, "client_id is missing or malformed")
    key = idempotency_key(call.names["idempotency_key"])
    row = await desk.database.one(
        f"SELECT {_COLUMNS} FROM payments WHERE client_id = %s AND idempotency_key = %s"
        " AND status = 'executed'",
        (client_id, key),
    )
    if row is None:
        raise Problem(NOT_FOUND)
    return Answer(_payment(row))


def _payment(row: TupleRow) -> dict[str, object]:
    """Return a payment as the API shows it."""
    payment_id, status, reason, debtor, creditor, name, minor, reference, at = row
    return {
        "payment_id": payment_id,
        "status": status,
        "reason": reason,
        "debtor_account": debtor,
        "creditor_account": creditor,
        "creditor_name": name,
        "amount": amount(minor),
        "reference": reference,
        "decided_at": at,
    }
