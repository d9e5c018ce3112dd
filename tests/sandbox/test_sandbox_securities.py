"""Summit Securities: prices anyone can work out again; cash and holdings that move together."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sandbox_world import SEED, Client, Running, identity

from weir_sandbox.securities.fees import fees_minor
from weir_sandbox.securities.instruments import INSTRUMENTS
from weir_sandbox.securities.prices import BEGINNING, quote

Books = psycopg.Connection[tuple[Any, ...]]

SHARE = "609903"
RICH = "ss-000010-01"


@pytest.fixture
def books(institutions: dict[str, Running]) -> Iterator[Books]:
    url = institutions["securities"].database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = summit_securities")
        yield connection


def assert_books_balance(books: Books) -> None:
    """Cash is the opening and all orders; a holding is the sum of its filled orders."""
    wrong_cash = books.execute(
        "SELECT portfolio_id FROM portfolios LEFT JOIN (SELECT portfolio_id, sum(cash_minor) AS"
        " moved FROM orders GROUP BY portfolio_id) AS sums USING (portfolio_id)"
        " WHERE cash_minor <> opening_cash_minor + coalesce(moved, 0) OR cash_minor < 0"
    ).fetchall()
    wrong_holdings = books.execute(
        "SELECT portfolio_id, instrument_id FROM holdings FULL JOIN (SELECT portfolio_id,"
        " instrument_id, sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) AS traded"
        " FROM orders WHERE status = 'filled' GROUP BY portfolio_id, instrument_id) AS sums"
        " USING (portfolio_id, instrument_id) WHERE quantity IS DISTINCT FROM traded"
    ).fetchall()
    assert (wrong_cash, wrong_holdings) == ([], [])


async def cash(securities: Client, portfolio: str) -> int:
    response = await securities.get(f"/portfolios/{portfolio}/holdings", [portfolio])
    return int(response.json()["cash"]["amount"].replace(".", ""))


async def held(securities: Client, portfolio: str, instrument: str) -> int:
    response = await securities.get(f"/portfolios/{portfolio}/holdings", [portfolio])
    found = {h["instrument_id"]: h["quantity"] for h in response.json()["holdings"]}
    return int(found.get(instrument, 0))


def buy(quantity: int = 100, **more: Any) -> dict[str, Any]:
    wanted = {"instrument_id": SHARE, "side": "buy", "kind": "market", "quantity": quantity}
    return wanted | more


def new_key() -> str:
    return f"key-{uuid.uuid4()}"


def test_a_price_is_the_same_for_the_same_seed_and_time_and_moves_with_both() -> None:
    share, at = INSTRUMENTS[SHARE], datetime(2026, 3, 3, 2, 30, tzinfo=UTC)
    assert quote(1, share, at) == quote(1, share, at)
    later = [quote(1, share, at + timedelta(hours=h)).last_minor for h in range(48)]
    assert len(set(later)) > 10
    assert later != [quote(2, share, at + timedelta(hours=h)).last_minor for h in range(48)]


def test_prices_stay_plausible_for_years_and_a_day_joins_the_next() -> None:
    for instrument in INSTRUMENTS.values():
        for day in range(0, 3_650, 61):
            end = BEGINNING + timedelta(days=day + 1)
            last = quote(SEED, instrument, end - timedelta(seconds=1)).last_minor
            opened = quote(SEED, instrument, end)
            assert opened.last_minor == opened.previous_close_minor
            assert abs(last - opened.last_minor) <= max(2, opened.last_minor // 100)
            assert instrument.start_minor / 8 < opened.last_minor < instrument.start_minor * 8
            assert opened.bid_minor < opened.last_minor < opened.ask_minor


def test_the_walk_begins_at_the_listed_price_and_before_that_stands_still() -> None:
    share = INSTRUMENTS[SHARE]
    assert quote(5, share, BEGINNING - timedelta(days=9)) == quote(5, share, BEGINNING)
    assert quote(5, share, BEGINNING).last_minor == share.start_minor


def test_fees_are_the_least_commission_or_a_share_and_stamp_duty_on_sales_of_shares() -> None:
    share, fund = INSTRUMENTS[SHARE], INSTRUMENTS["519901"]
    assert fees_minor(share, "buy", 100_000) == 500 + 1
    assert fees_minor(share, "sell", 100_000) == 500 + 1 + 50
    assert fees_minor(share, "sell", 10_000_000) == 2_500 + 100 + 5_000
    assert fees_minor(fund, "sell", 10_000_000) == 2_500


async def test_the_market_is_seen_without_a_customer(securities: Client) -> None:
    listed = (await securities.get("/instruments")).json()["instruments"]
    funds = (await securities.get("/instruments?kind=fund")).json()["instruments"]
    assert len(listed) == len(INSTRUMENTS)
    assert funds == [i for i in listed if i["kind"] == "fund"]
    assert (await securities.get(f"/instruments/{SHARE}")).json() in listed
    told = (await securities.get(f"/quotes/{SHARE}")).json()
    at = datetime.fromisoformat(told["as_of"])
    assert Decimal(told["last"]) * 100 == quote(SEED, INSTRUMENTS[SHARE], at).last_minor
    for path in ("/instruments/999999", "/quotes/999999", "/quotes/x"):
        assert (await securities.get(path)).status_code == 404
    assert (await securities.get("/instruments?kind=option")).status_code == 400


async def test_four_hundred_customers_have_a_year_of_orders_that_add_up(
    securities: Client, books: Books
) -> None:
    customers = await securities.platform("/directory/customers?limit=1000")
    assert len(customers.json()["customers"]) == 400
    row = books.execute("SELECT count(*) FROM orders WHERE client_id IS NULL").fetchone()
    assert row is not None
    assert row[0] > 3_000
    assert_books_balance(books)


async def test_holdings_are_valued_at_the_quote(securities: Client) -> None:
    customers = (await securities.platform("/directory/customers?limit=40")).json()["customers"]
    valued = 0
    for customer in customers:
        path = f"/directory/customers/{customer['customer_ref']}/accounts"
        for portfolio in (await securities.platform(path)).json()["accounts"]:
            name = portfolio["account_id"]
            told = (await securities.get(f"/portfolios/{name}/holdings", [name])).json()
            for holding in told["holdings"]:
                value = Decimal(holding["last_price"]) * holding["quantity"]
                assert Decimal(holding["market_value"]["amount"]) == value
                valued += 1
            total = sum(Decimal(h["market_value"]["amount"]) for h in told["holdings"])
            assert Decimal(told["market_value"]["amount"]) == total
    assert valued > 40


async def test_portfolios_are_shown_only_where_granted(securities: Client) -> None:
    listed = (await securities.get("/portfolios", [RICH, "ss-999999-01"])).json()["portfolios"]
    assert [p["portfolio_id"] for p in listed] == [RICH]
    for granted in (None, [], ["ss-000002-01"]):
        for part in ("holdings", "orders"):
            response = await securities.get(f"/portfolios/{RICH}/{part}", granted)
            assert (response.status_code, response.json()["code"]) == (403, "not_granted")
        response = await securities.post(
            f"/portfolios/{RICH}/orders", buy(), granted, key=new_key()
        )
        assert response.status_code == 403
    nobody = "ss-999999-01"
    assert (await securities.get(f"/portfolios/{nobody}/holdings", [nobody])).status_code == 404
    path = f"/portfolios/{nobody}/orders"
    missing = await securities.post(path, buy(), [nobody], key=new_key())
    assert missing.status_code == 404


async def test_a_buy_and_a_sale_move_cash_and_holdings(securities: Client, books: Books) -> None:
    path = f"/portfolios/{RICH}/orders"
    for side, sign in (("buy", 1), ("sell", -1)):
        before = await cash(securities, RICH), await held(securities, RICH, SHARE)
        made = await securities.post(path, buy(200, side=side), [RICH], key=new_key())
        order = made.json()
        assert (made.status_code, order["status"]) == (201, "filled")
        gross = Decimal(order["price"]) * 200
        effect = Decimal(order["cash_effect"]["amount"])
        assert effect == -sign * gross - Decimal(order["fees"]["amount"])
        assert await cash(securities, RICH) == before[0] + effect * 100
        assert await held(securities, RICH, SHARE) == before[1] + sign * 200
    newest = (await securities.get(f"{path}?limit=1", [RICH])).json()
    assert newest["orders"] == [order]
    assert_books_balance(books)


async def test_a_limit_that_is_not_met_leaves_the_order_unfilled(securities: Client) -> None:
    path, before = f"/portfolios/{RICH}/orders", await cash(securities, RICH)
    low = buy(kind="limit", limit_price="0.01")
    made = await securities.post(path, low, [RICH], key=new_key())
    assert (made.status_code, made.json()["status"]) == (201, "unfilled")
    assert await cash(securities, RICH) == before
    high = buy(kind="limit", limit_price="9999.00")
    filled = await securities.post(path, high, [RICH], key=new_key())
    assert filled.json()["status"] == "filled"
    assert Decimal(filled.json()["price"]) < 9999


async def test_more_than_the_cash_or_the_holding_is_refused_and_stays_refused(
    securities: Client,
) -> None:
    path, before = f"/portfolios/{RICH}/orders", await cash(securities, RICH)
    for body, code in (
        (buy(10_000_000), "insufficient_funds"),
        (buy(10_000_000, side="sell"), "insufficient_holding"),
    ):
        key = new_key()
        for _ in range(2):
            refused = await securities.post(path, body, [RICH], key=key)
            assert (refused.status_code, refused.json()["code"]) == (422, code)
        found = await securities.platform(f"/directory/orders/{key}?client_id=app_test")
        assert (found.json()["status"], found.json()["reason"]) == ("rejected", code)
    assert await cash(securities, RICH) == before


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"instrument_id": "999999"}, 422),
        ({"quantity": 150}, 422),
        ({"quantity": 0}, 400),
        ({"quantity": 10_000_001}, 400),
        ({"quantity": 100.0}, 400),
        ({"quantity": True}, 400),
        ({"side": "short"}, 400),
        ({"limit_price": "1.00"}, 422),
        ({"kind": "limit"}, 422),
        ({"kind": "limit", "limit_price": "1.000"}, 400),
        ({"extra": 1}, 400),
    ],
)
async def test_an_order_that_cannot_be_is_refused(
    securities: Client, change: dict[str, Any], status: int
) -> None:
    path = f"/portfolios/{RICH}/orders"
    response = await securities.post(path, buy() | change, [RICH], key=new_key())
    assert response.status_code == status


async def test_the_same_key_answers_the_same_and_another_request_is_refused(
    securities: Client, books: Books
) -> None:
    path, key = f"/portfolios/{RICH}/orders", new_key()
    twins = await asyncio.gather(
        *(securities.post(path, buy(), [RICH], key=key) for _ in range(30))
    )
    assert {t.status_code for t in twins} == {201}
    assert len({t.content for t in twins}) == 1
    other = await securities.post(path, buy(200), [RICH], key=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    theirs = await securities.post(path, buy(), [RICH], key=key, client="app_other")
    assert theirs.json()["order_id"] != twins[0].json()["order_id"]
    found = await securities.platform(f"/directory/orders/{key}?client_id=app_other")
    assert found.json() == theirs.json()
    assert_books_balance(books)


async def test_fifty_sales_at_once_never_sell_more_than_is_held(
    securities: Client, books: Books
) -> None:
    path = f"/portfolios/{RICH}/orders"
    await securities.post(path, buy(2_000, instrument_id="519904"), [RICH], key=new_key())
    lots = await held(securities, RICH, "519904") // 100
    sale = buy(100, instrument_id="519904", side="sell")
    answers = await asyncio.gather(
        *(securities.post(path, sale, [RICH], key=new_key()) for _ in range(lots + 10))
    )
    assert Counter(a.status_code for a in answers) == {201: lots, 422: 10}
    assert await held(securities, RICH, "519904") == 0
    assert_books_balance(books)


async def test_pages_of_orders_follow_each_other(securities: Client) -> None:
    path = f"/portfolios/{RICH}/orders"
    whole = (await securities.get(f"{path}?limit=60", [RICH])).json()["orders"]
    paged: list[object] = []
    cursor = ""
    while len(paged) < len(whole):
        page = (await securities.get(f"{path}?limit=20{cursor}", [RICH])).json()
        paged += page["orders"]
        cursor = f"&cursor={page['next_cursor']}"
    assert paged[: len(whole)] == whole


async def test_an_orders_line_is_there_before_its_answer(securities: Client) -> None:
    path = f"/portfolios/{RICH}/orders"
    for body, status in ((buy(), 201), (buy(10_000_000), 422)):
        interaction = str(uuid.uuid4())
        headers = identity([RICH], interaction=interaction) | {"x-idempotency-key": new_key()}
        await securities.send("POST", path, headers=headers, json=body)
        (line,) = await securities.lines(interaction)
        assert (line["path"], line["status"]) == (path, status)
