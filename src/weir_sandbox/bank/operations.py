"""River Bank's table of operations, and the handlers of its rows."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Final

import msgspec
from psycopg.rows import TupleRow

from weir_sandbox.amounts import Amount, amount
from weir_sandbox.bank import payments
from weir_sandbox.cursors import cursor_after, read_cursor
from weir_sandbox.directory import directory, known_customer
from weir_sandbox.input_checks import day, named, positive, read_json, whole
from weir_sandbox.limits import PAGE_ROWS, PAGE_ROWS_DEFAULT
from weir_sandbox.operations import Answer, Call, Desk, Operation, join
from weir_sandbox.preparation import CHINA
from weir_sandbox.problems import INVALID, NOT_FOUND, Problem

ACCOUNT: Final = re.compile(r"rb-[0-9]{6,12}-[0-9]{2}")

_SUMMARY: Final = "account_id, kind, name, number, currency"
_ACCOUNT: Final = (
    "SELECT account_id, accounts.kind, accounts.name, number, currency, customers.name, opened_on"
    " FROM accounts JOIN customers USING (customer_ref) WHERE account_id = %s"
)
_BALANCES: Final = (
    "SELECT balance_minor, clock_timestamp() FROM accounts"
    " WHERE account_id = %s AND kind <> 'clearing'"
)
_TRANSACTIONS: Final = (
    "SELECT id, at, amount_minor, balance_after_minor, category, counterparty_name,"
    " counterparty_account, reference, payment_id FROM transactions"
    " WHERE account_id = %s AND at >= %s AND at < %s AND (at, id) < (%s, %s)"
    " ORDER BY at DESC, id DESC LIMIT %s"
)
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=CHINA)
_END: Final = datetime(9000, 1, 1, tzinfo=CHINA)


async def customer_accounts(call: Call, desk: Desk) -> Answer:
    reference = await known_customer(call, desk)
    rows = await desk.database.rows(
        f"SELECT {_SUMMARY} FROM accounts WHERE customer_ref = %s ORDER BY account_id",
        (reference,),
    )
    return Answer({"accounts": [_summary(row) for row in rows]})


async def list_accounts(call: Call, desk: Desk) -> Answer:
    call.values()
    rows = await desk.database.rows(
        f"SELECT {_SUMMARY} FROM accounts WHERE account_id = ANY(%s) AND kind <> 'clearing'"
        " ORDER BY account_id",
        (call.identity.granted(),),
    )
    return Answer({"accounts": [_summary(row) for row in rows]})


async def get_account(call: Call, desk: Desk) -> Answer:
    call.values()
    row = await desk.database.one(
        _ACCOUNT,
        (_granted_account(call),),
    )
    if row is None:
        raise Problem(NOT_FOUND)
    details = {"number": row[3], "holder_name": row[5], "opened_on": row[6]}
    return Answer(_summary(row[:5]) | details)


async def get_balances(call: Call, desk: Desk) -> Answer:
    call.values()
    account = _granted_account(call)
    row = await desk.database.one(_BALANCES, (account,))
    if row is None:
        raise Problem(NOT_FOUND)
    balance, at = row
    kinds = ("booked", "available")
    balances = [{"kind": kind, "amount": amount(balance)} for kind in kinds]
    return Answer({"account_id": account, "as_of": at, "balances": balances})


async def list_transactions(call: Call, desk: Desk) -> Answer:
    values = call.values("from", "to", "limit", "cursor")
    account = _granted_account(call)
    limit = whole(values, "limit", PAGE_ROWS_DEFAULT, PAGE_ROWS)
    first, last = day(values, "from"), day(values, "to")
    if first and last and first > last:
        raise Problem(INVALID, "from must not be after to")
    since = datetime.combine(first, time(), CHINA) if first else _BEGINNING
    until = datetime.combine(last, time(), CHINA) + timedelta(days=1) if last else _END
    before = read_cursor(values["cursor"]) if "cursor" in values else (_END, 0)
    rows = await desk.database.rows(_TRANSACTIONS, (account, since, until, *before, limit + 1))
    page = rows[:limit]
    more = cursor_after(page[-1][1], page[-1][0]) if len(rows) > limit else None
    return Answer({"transactions": [_transaction(row) for row in page], "next_cursor": more})


class FundsQuestion(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A question whether an account can pay an amount now."""

    account_id: str
    amount: Amount


_funds_question: Final = msgspec.json.Decoder(FundsQuestion)


async def confirm_funds(call: Call, desk: Desk) -> Answer:
    call.values()
    question = read_json(call.body, _funds_question)
    asked = positive(question.amount.minor(), "amount")
    call.identity.require(question.account_id)
    row = await desk.database.one(_BALANCES, (question.account_id,))
    if row is None:
        raise Problem(NOT_FOUND)
    balance, at = row
    return Answer(
        {
            "account_id": question.account_id,
            "amount": amount(asked),
            "funds_available": balance >= asked,
            "as_of": at,
        }
    )


def _granted_account(call: Call) -> str:
    account = named(call.names["account_id"], ACCOUNT)
    call.identity.require(account)
    return account


def _summary(row: TupleRow) -> dict[str, object]:
    """Return an account as lists show it, with a masked number."""
    account_id, kind, name, number, currency = row
    return {
        "account_id": account_id,
        "kind": kind,
        "name": name,
        "masked_number": f"{number[:4]} **** {number[-4:]}",
        "currency": currency,
    }


def _transaction(row: TupleRow) -> dict[str, object]:
    """Return a transaction as the API shows it; `direction` stands for the amount's sign."""
    number, at, minor, balance, category, name, account, reference, payment = row
    return {
        "transaction_id": f"rbt-{number}",
        "booked_at": at,
        "direction": "credit" if minor > 0 else "debit",
        "amount": amount(abs(minor)),
        "balance_after": amount(balance),
        "category": category,
        "counterparty": {"name": name, "account": account},
        "reference": reference,
        "payment_id": payment,
    }


OPERATIONS: Final = join(
    (
        Operation("GET", "/accounts", list_accounts),
        Operation("GET", "/accounts/{account_id}", get_account),
        Operation("GET", "/accounts/{account_id}/balances", get_balances),
        Operation("GET", "/accounts/{account_id}/transactions", list_transactions),
        Operation("POST", "/funds-confirmations", confirm_funds),
        Operation("POST", "/payments", payments.pay, moves_money=True),
        Operation("GET", "/payments/{payment_id}", payments.get_payment),
        Operation(
            "GET",
            "/directory/payments/{idempotency_key:path}",
            payments.payment_by_key,
            caller="platform",
        ),
    ),
    directory(customer_accounts),
)
