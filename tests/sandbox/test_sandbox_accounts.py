"""River Bank: a year of plausible history, read only where it was granted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
from sandbox_world import CUSTOMERS, Client

Books = psycopg.Connection[tuple[int, ...]]


def _number(books: Books, query: str) -> int:
    row = books.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


async def test_the_directory_lists_a_thousand_customers_of_both_kinds(bank: Client) -> None:
    everyone = (await bank.platform("/directory/customers?limit=1000")).json()["customers"]
    businesses = await bank.platform("/directory/customers?limit=1000&kind=business")
    assert len({c["customer_ref"] for c in everyone}) == CUSTOMERS
    assert len(businesses.json()["customers"]) == 300
    assert sum("集团" in c["name"] for c in everyone) >= 3


async def test_the_directory_tells_what_a_customer_holds_and_404_for_nobody(bank: Client) -> None:
    held = (await bank.platform("/directory/customers/RB-000003/accounts")).json()["accounts"]
    assert [a["kind"] for a in held] == ["settlement"] * len(held) != []
    for nobody in ("RB-999999", "HI-000003", "RB-1", "%00"):
        assert (await bank.platform(f"/directory/customers/{nobody}/accounts")).status_code == 404


async def test_the_history_is_a_year_of_about_two_hundred_thousand_transactions(
    bank: Client, bank_books: Books
) -> None:
    count = _number(bank_books, "SELECT count(*) FROM transactions WHERE payment_id IS NULL")
    assert 150_000 < count < 350_000
    days = "SELECT (max(at)::date - min(at)::date) FROM transactions WHERE payment_id IS NULL"
    assert 355 <= _number(bank_books, days) <= 366
    newest = bank_books.execute(
        "SELECT max(at) FROM transactions WHERE payment_id IS NULL"
    ).fetchone()
    assert newest is not None
    assert datetime.now(UTC) - newest[0] < timedelta(days=2)  # type: ignore[operator]


async def test_every_account_of_a_customer_has_one_to_three_accounts(bank_books: Books) -> None:
    per_customer = (
        "SELECT {}(held) FROM (SELECT count(*) AS held FROM accounts"
        " WHERE kind <> 'clearing' GROUP BY customer_ref) AS counted"
    )
    assert _number(bank_books, per_customer.format("min")) == 1
    assert _number(bank_books, per_customer.format("max")) == 3


async def test_people_earn_shops_sell_and_weekends_are_livelier_for_restaurants(
    bank_books: Books,
) -> None:
    kinds = "SELECT count(DISTINCT category) FROM transactions"
    assert _number(bank_books, kinds) >= 20
    salaried = (
        "SELECT count(DISTINCT account_id) FROM transactions WHERE category IN ('salary','pension')"
    )
    assert _number(bank_books, salaried) > 650
    takings = (
        "SELECT avg(amount_minor)::bigint FROM transactions JOIN accounts USING (account_id)"
        " JOIN customers USING (customer_ref) WHERE category = 'takings'"
        " AND customers.name ~ '(小吃店|面馆|火锅店|早餐铺|烧烤店)$'"
        " AND (extract(isodow FROM at AT TIME ZONE 'Asia/Shanghai') >= 6) = {}"
    )
    weekend, weekday = (_number(bank_books, takings.format(w)) for w in ("true", "false"))
    assert weekend > weekday * 1.2


async def test_an_accounts_operations_tell_the_same_story(bank: Client) -> None:
    account = "rb-000001-01"
    listed = (await bank.get("/accounts", [account])).json()["accounts"]
    details = (await bank.get(f"/accounts/{account}", [account])).json()
    balances = (await bank.get(f"/accounts/{account}/balances", [account])).json()["balances"]
    page = (await bank.get(f"/accounts/{account}/transactions?limit=1", [account])).json()
    assert [a["account_id"] for a in listed] == [account]
    assert {k: details[k] for k in listed[0]} == listed[0]
    assert details["number"][-4:] == details["masked_number"][-4:]
    assert _luhn(details["number"]) == 0
    assert balances[0]["amount"] == page["transactions"][0]["balance_after"]


def _luhn(number: str) -> int:
    digits = [int(d) for d in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10


async def test_accounts_answers_exactly_what_was_granted(bank: Client) -> None:
    granted = ["rb-000002-01", "rb-000001-01", "rb-999999-01", "clearing-00", "hi-000002-01"]
    listed = (await bank.get("/accounts", granted)).json()["accounts"]
    assert [a["account_id"] for a in listed] == ["rb-000001-01", "rb-000002-01"]
    assert (await bank.get("/accounts", [])).json() == {"accounts": []}


async def test_what_was_not_granted_is_refused_on_every_operation(bank: Client) -> None:
    question = {"account_id": "rb-000001-01", "amount": {"amount": "1.00", "currency": "CNY"}}
    for granted in (None, [], ["rb-000002-01"]):
        for part in ("", "/balances", "/transactions"):
            response = await bank.get(f"/accounts/rb-000001-01{part}", granted)
            assert (response.status_code, response.json()["code"]) == (403, "not_granted")
        assert (await bank.post("/funds-confirmations", question, granted)).status_code == 403
    assert (await bank.get("/accounts", None)).status_code == 403


async def test_a_granted_account_that_does_not_exist_is_not_found(bank: Client) -> None:
    for name in ("rb-999999-01", "clearing-00", "rb-000001-01%20"):
        for part in ("", "/balances", "/transactions"):
            path = f"/accounts/{name}{part}"
            response = await bank.get(path, [name, "rb-000001-01"])
            expected = 200 if name == "rb-999999-01" and part == "/transactions" else 404
            assert response.status_code == expected, path


async def test_pages_follow_each_other_without_gap_or_repetition(bank: Client) -> None:
    account = "rb-000003-01"
    path = f"/accounts/{account}/transactions"
    whole = (await bank.get(f"{path}?limit=500", [account])).json()["transactions"]
    paged: list[dict[str, object]] = []
    cursor = ""
    while len(paged) < 450:
        page = (await bank.get(f"{path}?limit=150{cursor}", [account])).json()
        paged += page["transactions"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(paged) >= 300
    assert paged == whole[: len(paged)]
    assert [t["booked_at"] for t in whole] == sorted((t["booked_at"] for t in whole), reverse=True)


async def test_days_bound_the_transactions_by_the_clock_of_shanghai(bank: Client) -> None:
    account = "rb-000003-01"
    path = f"/accounts/{account}/transactions"
    newest = (await bank.get(f"{path}?limit=400", [account])).json()["transactions"]
    moments = [datetime.fromisoformat(t["booked_at"]) + timedelta(hours=8) for t in newest]
    day = moments[100].date()
    bounded = await bank.get(f"{path}?from={day}&to={day}&limit=500", [account])
    expected = [t for t, at in zip(newest, moments, strict=True) if at.date() == day]
    assert bounded.json()["transactions"] == expected != []
    backwards = await bank.get(f"{path}?from=2026-02-01&to=2026-01-01", [account])
    assert (backwards.status_code, backwards.json()["code"]) == (422, "invalid")


async def test_funds_are_confirmed_to_the_fen(bank: Client) -> None:
    account = "rb-000005-01"
    balances = (await bank.get(f"/accounts/{account}/balances", [account])).json()["balances"]
    whole, fen = balances[1]["amount"]["amount"].split(".")
    more = f"{whole}.{int(fen) + 1:02d}" if fen != "99" else f"{int(whole) + 1}.00"
    for asked, expected in ((f"{whole}.{fen}", True), (more, False)):
        question = {"account_id": account, "amount": {"amount": asked, "currency": "CNY"}}
        response = await bank.post("/funds-confirmations", question, [account])
        assert response.json()["funds_available"] is expected
