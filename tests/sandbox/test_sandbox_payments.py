"""River Bank's payments: money moves once, never below zero, and nothing is lost or made."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import Any

import psycopg
import pytest
from sandbox_world import Client, identity

Books = psycopg.Connection[tuple[int, ...]]

OUTSIDE = "998812345678901234"


def order(debtor: str, creditor: str, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "debtor_account": debtor,
        "creditor_account": creditor,
        "creditor_name": "云川供电公司",
        "amount": {"amount": amount, "currency": "CNY"},
        "reference": "电费",
    } | more


async def balance(bank: Client, account: str) -> int:
    response = await bank.get(f"/accounts/{account}/balances", [account])
    return int(response.json()["balances"][0]["amount"]["amount"].replace(".", ""))


def new_key() -> str:
    return f"key-{uuid.uuid4()}"


def assert_books_balance(books: Books) -> None:
    """All money together is zero, and every balance is its opening and its transactions."""
    total = books.execute("SELECT sum(balance_minor)::bigint FROM accounts").fetchone()
    assert total == (0,)
    wrong = books.execute(
        "SELECT account_id FROM accounts LEFT JOIN (SELECT account_id, sum(amount_minor) AS moved"
        " FROM transactions GROUP BY account_id) AS sums USING (account_id)"
        " WHERE balance_minor <> opening_minor + coalesce(moved, 0)"
        " OR (kind <> 'clearing' AND balance_minor < 0)"
    ).fetchall()
    assert wrong == []
    broken = books.execute(
        "SELECT id FROM (SELECT id, amount_minor, balance_after_minor, lag(balance_after_minor)"
        " OVER (PARTITION BY account_id ORDER BY at, id) AS before FROM transactions) AS chained"
        " WHERE before IS NOT NULL AND before + amount_minor <> balance_after_minor"
    ).fetchall()
    assert broken == []


async def test_the_history_balances(bank: Client, bank_books: Books) -> None:
    assert_books_balance(bank_books)


async def test_a_payment_inside_the_bank_debits_and_credits(
    bank: Client, bank_books: Books
) -> None:
    payer, payee = "rb-000001-01", "rb-000003-01"
    before = await balance(bank, payer), await balance(bank, payee)
    made = await bank.post("/payments", order(payer, payee, "12.30"), [payer], key=new_key())
    assert made.status_code == 201
    assert made.json()["status"] == "executed"
    assert await balance(bank, payer) == before[0] - 1230
    assert await balance(bank, payee) == before[1] + 1230
    for account, direction in ((payer, "debit"), (payee, "credit")):
        page = await bank.get(f"/accounts/{account}/transactions?limit=1", [account])
        newest = page.json()["transactions"][0]
        assert newest["payment_id"] == made.json()["payment_id"]
        assert (newest["direction"], newest["amount"]["amount"]) == (direction, "12.30")
    assert_books_balance(bank_books)


async def test_a_payment_may_name_the_number_of_an_account_here(bank: Client) -> None:
    payer, payee = "rb-000001-01", "rb-000006-01"
    number = (await bank.get(f"/accounts/{payee}", [payee])).json()["number"]
    before = await balance(bank, payee)
    made = await bank.post("/payments", order(payer, number, "1.00"), [payer], key=new_key())
    assert made.status_code == 201
    assert await balance(bank, payee) == before + 100


async def test_a_payment_to_another_bank_goes_to_clearing(bank: Client, bank_books: Books) -> None:
    payer = "rb-000001-01"
    before = await balance(bank, payer)
    made = await bank.post("/payments", order(payer, OUTSIDE, "5.05"), [payer], key=new_key())
    assert made.status_code == 201
    assert await balance(bank, payer) == before - 505
    sides = bank_books.execute(
        "SELECT sum(amount_minor)::bigint, count(*) FROM transactions WHERE payment_id = %s",
        (made.json()["payment_id"],),
    ).fetchone()
    assert sides == (0, 2)


async def test_the_same_key_and_request_answer_the_same_and_move_nothing_again(
    bank: Client,
) -> None:
    payer, key = "rb-000001-01", new_key()
    first = await bank.post("/payments", order(payer, OUTSIDE, "7.00"), [payer], key=key)
    after = await balance(bank, payer)
    respaced = b"  " + first.request.content.replace(b'{"debtor', b'{ "debtor')
    headers = identity([payer]) | {"x-idempotency-key": key, "content-type": "application/json"}
    again = await bank.send("POST", "/payments", headers=headers, content=respaced)
    assert (again.status_code, again.content) == (201, first.content)
    assert await balance(bank, payer) == after


async def test_the_same_key_with_another_request_is_refused(bank: Client) -> None:
    payer, key = "rb-000001-01", new_key()
    await bank.post("/payments", order(payer, OUTSIDE, "7.00"), [payer], key=key)
    after = await balance(bank, payer)
    for other in (
        order(payer, OUTSIDE, "7.01"),
        order(payer, OUTSIDE, "7.00", reference="水费"),
        order(payer, "998812345678901235", "7.00"),
        order("rb-000002-01", OUTSIDE, "7.00"),
    ):
        response = await bank.post("/payments", other, [payer, "rb-000002-01"], key=key)
        assert (response.status_code, response.json()["code"]) == (422, "key_reused")
    assert await balance(bank, payer) == after


async def test_a_key_belongs_to_its_client(bank: Client) -> None:
    payer, key = "rb-000001-01", new_key()
    body = order(payer, OUTSIDE, "1.00")
    before = await balance(bank, payer)
    mine = await bank.post("/payments", body, [payer], key=key, client="app_a")
    theirs = await bank.post("/payments", body, [payer], key=key, client="app_b")
    assert mine.json()["payment_id"] != theirs.json()["payment_id"]
    assert await balance(bank, payer) == before - 200


async def test_more_than_the_balance_is_refused_and_stays_refused_under_its_key(
    bank: Client,
) -> None:
    payer, key = "rb-000007-01", new_key()
    before = await balance(bank, payer)
    body = order(payer, OUTSIDE, f"{before // 100 + 1}.00")
    refused = await bank.post("/payments", body, [payer], key=key)
    assert (refused.status_code, refused.json()["code"]) == (422, "insufficient_funds")
    payday = order("rb-000003-01", payer, "100.00")
    await bank.post("/payments", payday, ["rb-000003-01"], key=new_key())
    again = await bank.post("/payments", body, [payer], key=key)
    assert (again.status_code, again.content) == (422, refused.content)
    found = await bank.platform(f"/directory/payments/{key}?client_id=app_test")
    assert found.status_code == 404  # to the platform an answer means that money has moved
    assert await balance(bank, payer) == before + 10_000


async def test_the_last_fen_can_be_paid_and_not_one_more(bank: Client) -> None:
    payer = "rb-000008-01"
    whole, fen = divmod(await balance(bank, payer), 100)
    everything = order(payer, OUTSIDE, f"{whole}.{fen:02d}")
    assert (await bank.post("/payments", everything, [payer], key=new_key())).status_code == 201
    assert await balance(bank, payer) == 0
    one_more = order(payer, OUTSIDE, "0.01")
    assert (await bank.post("/payments", one_more, [payer], key=new_key())).status_code == 422


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"amount": {"amount": "0.00", "currency": "CNY"}}, 422),
        ({"amount": {"amount": "-1.00", "currency": "CNY"}}, 400),
        ({"amount": {"amount": "1", "currency": "CNY"}}, 400),
        ({"amount": {"amount": "01.00", "currency": "CNY"}}, 400),
        ({"amount": {"amount": "1.00\n", "currency": "CNY"}}, 400),
        ({"amount": {"amount": 1.0, "currency": "CNY"}}, 400),
        ({"amount": {"amount": "1.00", "currency": "USD"}}, 400),
        ({"amount": {"amount": "1.00", "currency": "CNY", "scale": 2}}, 400),
        ({"creditor_account": "clearing-00"}, 400),
        ({"creditor_account": "rb-999999-01"}, 422),
        ({"creditor_account": "9999010000000000000"}, 422),
        ({"creditor_account": "rb-000001-01"}, 422),
        ({"creditor_name": ""}, 400),
        ({"creditor_name": "a\u0000b"}, 400),
        ({"reference": "长" * 141}, 400),
        ({"extra": True}, 400),
    ],
)
async def test_a_payment_that_cannot_be_is_refused(
    bank: Client, change: dict[str, Any], status: int
) -> None:
    payer = "rb-000001-01"
    before = await balance(bank, payer)
    body = order(payer, OUTSIDE, "1.00") | change
    response = await bank.post("/payments", body, [payer], key=new_key())
    assert response.status_code == status
    assert await balance(bank, payer) == before


async def test_a_payment_needs_a_key_and_the_debtors_grant(bank: Client) -> None:
    body = order("rb-000001-01", OUTSIDE, "1.00")
    for key in (None, "", "a b", "k" * 129, "schlüssel".encode()):
        given = {} if key is None else {"x-idempotency-key": key}
        headers: Any = identity(["rb-000001-01"]) | given
        response = await bank.send("POST", "/payments", headers=headers, json=body)
        assert (response.status_code, response.json()["code"]) == (400, "malformed")
    for granted in (None, ["rb-000002-01"]):
        response = await bank.post("/payments", body, granted, key=new_key())
        assert (response.status_code, response.json()["code"]) == (403, "not_granted")
    unknown = order("rb-999999-01", OUTSIDE, "1.00")
    response = await bank.post("/payments", unknown, ["rb-999999-01"], key=new_key())
    assert response.status_code == 404


async def test_a_payment_is_read_by_its_client_only(bank: Client) -> None:
    payer = "rb-000001-01"
    made = await bank.post("/payments", order(payer, OUTSIDE, "1.00"), [payer], key=new_key())
    path = f"/payments/{made.json()['payment_id']}"
    assert (await bank.get(path, [payer])).content == made.content
    assert (await bank.get(path, None)).content == made.content
    assert (await bank.get(path, ["rb-000002-01"])).status_code == 403
    others = await bank.send("GET", path, headers=identity([payer], client="app_other"))
    assert others.status_code == 404
    assert (await bank.get(f"/payments/rbp-{'0' * 32}", [payer])).status_code == 404


async def test_the_platform_finds_a_payment_by_its_key(bank: Client) -> None:
    payer, key = "rb-000001-01", f"k/with?signs&%25/{uuid.uuid4()}"
    made = await bank.post("/payments", order(payer, OUTSIDE, "1.00"), [payer], key=key)
    quoted = key.replace("%", "%25").replace("?", "%3F").replace("/", "%2F").replace("&", "%26")
    found = await bank.platform(f"/directory/payments/{quoted}?client_id=app_test")
    assert found.json() == made.json()
    for path in (f"{quoted}?client_id=app_other", f"{new_key()}?client_id=app_test"):
        assert (await bank.platform(f"/directory/payments/{path}")).status_code == 404
    assert (await bank.platform(f"/directory/payments/{quoted}")).status_code == 400


async def test_fifty_twins_at_once_move_the_money_once(bank: Client, bank_books: Books) -> None:
    payer, key = "rb-000010-01", new_key()
    before = await balance(bank, payer)
    body = order(payer, OUTSIDE, "3.00")
    answers = await asyncio.gather(
        *(bank.post("/payments", body, [payer], key=key) for _ in range(50))
    )
    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    assert await balance(bank, payer) == before - 300
    assert_books_balance(bank_books)


async def test_fifty_payments_at_once_never_overdraw(bank: Client, bank_books: Books) -> None:
    payer = "rb-000011-01"
    before = await balance(bank, payer)
    share = before // 20
    body = order(payer, OUTSIDE, f"{share // 100}.{share % 100:02d}")
    answers = await asyncio.gather(
        *(bank.post("/payments", body, [payer], key=new_key()) for _ in range(50))
    )
    statuses = Counter(a.status_code for a in answers)
    executed = before // share
    assert statuses == {201: executed, 422: 50 - executed}
    assert await balance(bank, payer) == before - executed * share
    assert_books_balance(bank_books)


async def test_payments_in_a_circle_at_once_do_not_block_each_other(
    bank: Client, bank_books: Books
) -> None:
    ring = ["rb-000012-01", "rb-000014-01", "rb-000015-01"]
    before = [await balance(bank, account) for account in ring]
    answers = await asyncio.gather(
        *(
            bank.post(
                "/payments",
                order(ring[n % 3], ring[(n + 1 + n % 2) % 3], "1.00"),
                ring,
                key=new_key(),
            )
            for n in range(60)
        )
    )
    assert {a.status_code for a in answers} == {201}
    after = [await balance(bank, account) for account in ring]
    assert sum(after) == sum(before)
    assert_books_balance(bank_books)
