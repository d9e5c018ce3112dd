"""The log of what an institution answered: complete, ordered, and there when money moved."""

from __future__ import annotations

import asyncio
import signal
import uuid
from typing import Any

import psycopg
from sandbox_world import (
    Certificates,
    Client,
    NewDatabase,
    identity,
    launch,
    ready,
)

from waits import PATIENCE_S, until

PAYER = "rb-000001-01"


def _order(amount: str) -> dict[str, Any]:
    return {
        "debtor_account": PAYER,
        "creditor_account": "998812345678901234",
        "creditor_name": "供应商",
        "amount": {"amount": amount, "currency": "CNY"},
        "reference": "货款",
    }


async def test_every_business_answer_is_logged_with_its_identity(bank: Client) -> None:
    calls = [
        ("GET", "/accounts", [PAYER], 200),
        ("GET", f"/accounts/{PAYER}/transactions", [PAYER], 200),
        ("GET", f"/accounts/{PAYER}", [], 403),
        ("GET", "/accounts/rb-999999-01", ["rb-999999-01"], 404),
    ]
    for method, path, accounts, status in calls:
        interaction = str(uuid.uuid4())
        headers = identity(accounts, interaction=interaction)
        answer = await bank.send(method, path, headers=headers)
        assert answer.status_code == status
        (line,) = await bank.logged(interaction)
        assert (line["method"], line["path"], line["status"]) == (method, path, status)
        assert (line["client_id"], line["consent_id"]) == ("app_test", "cns_test")


async def test_an_answer_without_identity_is_logged_too_and_the_platforms_calls_are_not(
    bank: Client,
) -> None:
    path = f"/accounts/{uuid.uuid4()}"
    assert (await bank.send("GET", path)).status_code == 400

    async def there() -> list[dict[str, Any]]:
        return [a for a in await bank.answers() if a["path"] == path]

    found = await until(there)
    assert [(a["interaction_id"], a["status"]) for a in found] == [(None, 400)]
    lines = await bank.answers()
    assert not [a for a in lines if a["path"].startswith(("/directory", "/health"))]


async def test_a_payments_line_is_there_before_its_answer(bank: Client) -> None:
    for body, key, status in (
        (_order("1.00"), "k1", 201),
        (_order("1.00"), "k1", 201),
        (_order("2.00"), "k1", 422),
        (_order("999999999.00"), "k2", 422),
    ):
        interaction = str(uuid.uuid4())
        await bank.post("/payments", body, [PAYER], key=f"log-{key}", interaction=interaction)
        lines = await bank.lines(interaction)
        assert [line["status"] for line in lines] == [status]


async def test_a_reader_that_remembers_the_last_number_misses_nothing(bank: Client) -> None:
    before = str(uuid.uuid4())
    await bank.send("GET", "/accounts", headers=identity([PAYER], interaction=before))
    start = (await bank.logged(before))[-1]["id"]
    sent: set[str] = set()

    async def write(number: int) -> None:
        interaction = str(uuid.uuid4())
        sent.add(interaction)
        if number % 2:
            key = str(uuid.uuid4())
            await bank.post("/payments", _order("0.01"), [PAYER], key=key, interaction=interaction)
        else:
            await bank.send("GET", "/accounts", headers=identity([PAYER], interaction=interaction))

    seen: list[dict[str, Any]] = []

    async def read(until: asyncio.Event) -> None:
        after = start
        while not until.is_set() or not sent <= {line["interaction_id"] for line in seen}:
            page = await bank.platform(f"/directory/answers?after_id={after}&limit=7")
            seen.extend(page.json()["answers"])
            after = seen[-1]["id"] if seen else start

    written = asyncio.Event()
    reader = asyncio.create_task(read(written))
    await asyncio.gather(*(write(number) for number in range(120)))
    written.set()
    await asyncio.wait_for(reader, PATIENCE_S)
    numbers = [line["id"] for line in seen]
    assert numbers == sorted(set(numbers))
    assert len(sent) == 120


async def test_answers_the_database_refuses_are_kept_until_it_takes_them(
    bank: Client, bank_books: psycopg.Connection[tuple[int, ...]]
) -> None:
    interactions = [str(uuid.uuid4()) for _ in range(20)]
    bank_books.execute("ALTER TABLE answers RENAME TO away")
    try:
        for interaction in interactions:
            headers = identity([PAYER], interaction=interaction)
            assert (await bank.send("GET", "/accounts", headers=headers)).status_code == 200
        failed = await bank.post("/payments", _order("0.01"), [PAYER], key="log-away")
        assert failed.status_code == 500
    finally:
        bank_books.execute("ALTER TABLE away RENAME TO answers")
    found = await bank.platform("/directory/payments/log-away?client_id=app_test")
    assert found.status_code == 404
    assert await bank.logged(interactions[-1])
    logged = [a["interaction_id"] for a in await bank.answers()]
    assert [i for i in logged if i in set(interactions)] == interactions


async def test_a_killed_bank_has_the_money_and_its_line_or_neither(
    certificates: Certificates, new_database: NewDatabase
) -> None:
    url = new_database()
    running = ready(launch(certificates, "bank", url, "--customers", "30"), url)
    client = Client("bank", running, certificates.client_tls("gateway"))
    answered: list[str] = []

    async def pay(number: int) -> None:
        key = f"kill-{number}"
        response = await client.post("/payments", _order("0.01"), [PAYER], key=key)
        assert response.status_code == 201
        answered.append(key)
        if len(answered) == 40:
            running.process.send_signal(signal.SIGKILL)

    await asyncio.gather(*(pay(n) for n in range(200)), return_exceptions=True)
    running.stop(signal.SIGKILL)
    await client.http.aclose()
    assert 40 <= len(answered) < 200
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        # One moment for all questions: the database may still finish what the bank began.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SET search_path = river_bank")
        kept = {row[0] for row in connection.execute("SELECT idempotency_key FROM payments")}
        moved = connection.execute(
            "SELECT count(*) FROM transactions WHERE payment_id IS NOT NULL AND amount_minor < 0"
        ).fetchone()
        lines = connection.execute(
            "SELECT count(*) FROM answers WHERE path = '/payments' AND status = 201"
        ).fetchone()
        total = connection.execute("SELECT sum(balance_minor)::bigint FROM accounts").fetchone()
    assert set(answered) <= kept
    assert moved == lines == (len(kept),)
    assert total == (0,)
