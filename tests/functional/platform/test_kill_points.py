"""A gateway killed at one exact point: the bank is moving the money, and nobody will hear of it.

The point is held still by a lock on the payer's row in the bank's own database. The fifty kills hit
every other point by chance; this one by design.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from aftercare import ingested, reconciled
from engine_cuts import paused
from keep_alive import BROKEN, Connection, Heard
from platform_world import ACCOUNTS, PAYMENTS, World, recorded_name
from storm_load import PAYING, Load, Payment

from waits import until
from weir.cli.installation import Role
from weir.metering.lake import queries
from weir_demo.stage import Caller

pytestmark = pytest.mark.xdist_group("platform")

_TWO_ACCOUNTS = """
    SELECT account_id FROM accounts WHERE kind <> 'clearing' ORDER BY balance_minor DESC LIMIT 2
"""
_INTENT = "SELECT state, status FROM intents WHERE consent_id = %s"
_BALANCE = "SELECT balance_minor FROM accounts WHERE account_id = %s"
_RECORDS = "SELECT status, reconciled, amount_minor FROM calls WHERE refusal IS NULL AND consent = "


@pytest.fixture(scope="module")
async def payer(platform: World) -> Caller:
    return await platform.partner("payer", ACCOUNTS, PAYMENTS)


@pytest.fixture
async def customers(platform: World, payer: Caller, tmp_path: Path) -> Load:
    """Makes payments that their customers have consented to."""
    accounts = [row[0] for row in await platform.bank_sql(_TWO_ACCOUNTS)]
    return Load(platform, payer, accounts, random.Random(), tmp_path / "answers")


@pytest.fixture
async def payment(customers: Load) -> Payment:
    return await customers.new_payment()


async def _pay(connection: Connection, payment: Payment, key: str | None = None) -> Heard:
    headers = {"x-idempotency-key": key or payment.key}
    return await connection.call("POST", PAYING, payment.token, body=payment.order, headers=headers)


def _pid(role: Role) -> int:
    assert role.child is not None
    return role.child.pid


async def ask(platform: World, payer: Caller, payment: Payment, key: str | None = None) -> Heard:
    """Ask for the payment on a new connection."""
    connection = await platform.connect(payer)
    heard = await _pay(connection, payment, key)
    connection.close()
    return heard


async def killed_while_the_bank_pays(platform: World, payer: Caller, payment: Payment) -> None:
    """Afterwards the bank has paid, the gateway is dead, and the payer has heard nothing."""
    everywhere = await platform.connect_everywhere(payer)
    victim = platform.gateways[0]
    async with platform.tending():
        async with held(platform, payment.debtor) as holder:
            asked = asyncio.create_task(_pay(everywhere[_pid(victim)], payment))
            await until(partial(_somebody_waits_for, platform, holder))
            platform.kill(victim)
            with pytest.raises(BROKEN):
                await asked
        await until(partial(_executed, platform, payment))
    for each in everywhere.values():
        each.close()


@asynccontextmanager
async def held(platform: World, account: str) -> AsyncIterator[int]:
    """Nobody else can book on this account meanwhile. Yields the holder's process in PostgreSQL."""
    url = platform.bank_url.replace("postgresql+psycopg://", "postgresql://")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("SET search_path TO river_bank")
        await connection.execute("SELECT FROM accounts WHERE account_id = %s FOR UPDATE", [account])
        yield connection.info.backend_pid


async def _somebody_waits_for(platform: World, holder: int) -> bool:
    waiting = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    return bool(await platform.bank_sql(waiting, holder))


async def _executed(platform: World, payment: Payment) -> int:
    """How many payments the bank has under this consent."""
    rows = await platform.bank_sql(
        "SELECT count(*) FROM payments WHERE consent_id = %s AND status = 'executed'",
        payment.consent,
    )
    return int(rows[0][0])


async def _records(platform: World, payment: Payment) -> list[tuple[int, bool, int]]:
    question = f"{_RECORDS}'{recorded_name(payment.consent)}'"
    rows = await platform.ask(queries.ask, question)
    return [(row[0], row[1], row[2]) for row in rows]


async def _balance(platform: World, account: str) -> int:
    return int((await platform.bank_sql(_BALANCE, account))[0][0])


async def test_a_payment_that_nobody_asks_for_again_is_found_and_booked_once(
    platform: World, payer: Caller, payment: Payment
) -> None:
    before = await _balance(platform, payment.debtor)
    await killed_while_the_bank_pays(platform, payer, payment)
    for _ in range(2):  # reconciliation finds nothing more the second time
        await reconciled(platform)
        assert await _records(platform, payment) == [(200, True, payment.amount_minor)]
    assert await _executed(platform, payment) == 1
    assert await _balance(platform, payment.debtor) == before - payment.amount_minor


async def test_a_payment_asked_for_again_under_its_key_is_answered_and_not_made_again(
    platform: World, payer: Caller, payment: Payment
) -> None:
    before = await _balance(platform, payment.debtor)
    await killed_while_the_bank_pays(platform, payer, payment)
    heard = await ask(platform, payer, payment)
    assert (heard.status, heard.json()["status"]) == (201, "executed")
    await ingested(platform, [heard.interaction_id])
    await reconciled(platform)
    assert await _records(platform, payment) == [(201, False, payment.amount_minor)]
    assert await _executed(platform, payment) == 1
    assert await _balance(platform, payment.debtor) == before - payment.amount_minor


async def test_the_same_consent_under_another_key_is_refused_after_a_kill(
    platform: World, payer: Caller, payment: Payment
) -> None:
    before = await _balance(platform, payment.debtor)
    await killed_while_the_bank_pays(platform, payer, payment)
    assert (await ask(platform, payer, payment, "another-key-for-it")).refusal == "consent_used"
    await reconciled(platform)
    assert (await ask(platform, payer, payment, "and-yet-another-one")).refusal == "consent_used"
    assert await _records(platform, payment) == [(200, True, payment.amount_minor)]
    assert await _balance(platform, payment.debtor) == before - payment.amount_minor


async def test_a_payment_whose_gateway_died_before_it_left_is_closed_as_not_made(
    platform: World, payer: Caller, payment: Payment
) -> None:
    """The intent stands and the bank was never asked: it stands still while the new gateway begins
    its TLS handshake. No record, no movement, and the consent stays used all the same."""
    before = await _balance(platform, payment.debtor)
    victim = platform.gateways[0]
    async with platform.tending():
        platform.kill(victim)
        await platform.await_ready()  # without a connection to the bank now
        everywhere = await platform.connect_everywhere(payer)
        with paused(platform.bank_process):
            asked = asyncio.create_task(_pay(everywhere[_pid(victim)], payment))
            await until(partial(platform.sql, _INTENT, payment.consent))
            platform.kill(victim)
            with pytest.raises(BROKEN):
                await asked
    for each in everywhere.values():
        each.close()
    await reconciled(platform)
    assert await platform.sql(_INTENT, payment.consent) == [("reconciled", 0)]
    assert (await ask(platform, payer, payment)).refusal == "consent_used"
    assert await _records(platform, payment) == []
    assert await _executed(platform, payment) == 0
    assert await _balance(platform, payment.debtor) == before


async def test_a_payment_the_bank_rejected_is_closed_as_not_made(
    platform: World, payer: Caller, customers: Load
) -> None:
    """Reconciliation asks about every payment that was not answered with success."""
    balances = dict(await platform.bank_sql("SELECT account_id, balance_minor FROM accounts"))
    payment = await customers.new_payment(amount_minor=max(balances.values()) + 1)
    heard = await ask(platform, payer, payment)
    assert (heard.status, heard.json()["code"]) == (422, "insufficient_funds")
    await ingested(platform, [heard.interaction_id])
    await reconciled(platform)
    assert await platform.sql(_INTENT, payment.consent) == [("reconciled", 0)]
    assert await _records(platform, payment) == [(422, False, payment.amount_minor)]
    assert await _balance(platform, payment.debtor) == balances[payment.debtor]
