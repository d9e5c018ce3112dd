"""Recorded rates: debts of one currency settled in another, to the minor unit, gains apart."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from money_world import NOW, World, mint
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from test_closing import agree, balances, bring, now_us, refused, statement
from test_settlement import doing, pay

from weir.client.pricing import per_call
from weir.kernel.declares import CONFLICT, FORBIDDEN, INVALID_INPUT
from weir.kernel.money import Money
from weir.ledger.tables import postings
from weir.settlement.closing import reopenings, requests
from weir.settlement.closing.requests import ClosingJob
from weir.settlement.documents import to_document
from weir.settlement.payment import exchange_rates, rounds
from weir.settlement.payment.exchange_rates import Rate, convert_amounts
from weir.settlement.payment.rounds import Round
from weir.settlement.statements import credits
from weir.settlement.statements.obligations import line_of
from weir.settlement.statements.verification import verify
from weir.shelf.tables import plans
from weir.store.unit import UnitOfWork

HOUR = timedelta(hours=1)


async def record(world: World, rate: str, by: str = "", **others: Any) -> Rate:
    given = {
        "base": "USD",
        "quote": "CNY",
        "rate": rate,
        "source": "the central bank's fixing",
        "observed_at": world.database.clock.now() - HOUR,
    }

    async def work(unit: UnitOfWork) -> Rate:
        return await exchange_rates.record(unit, **(given | others))

    made: Rate = await doing(world, by or world.operator, work)
    return made


async def traded_abroad(world: World) -> None:
    """1,000 calls at USD 0.015: 1500 cents, of which 1050 are the bank's, 375 ours, 75 a rebate."""
    plan = mint("pln")
    async with world.database.unit(world.actor(world.operator)) as unit:
        await unit.connection.execute(
            insert(plans).values(
                id=plan,
                product=world.accounts,
                name="Abroad",
                currency="USD",
                pricing=per_call("0.015"),
                auto_approve=True,
                status="offered",
                offered_at=NOW,
            )
        )
    await agree(world, currency="USD")
    at_us = now_us(world)
    await bring(world, *(world.record(at_us=at_us + n, plan=plan) for n in range(1_000)))


async def dollars(world: World) -> ClosingJob:
    await traded_abroad(world)
    actor = world.actor(world.operator)
    return await requests.close(world.works, actor, period=world.period, currency="USD")


async def settle(world: World) -> Round:
    settled: Round = await doing(
        world, world.operator, lambda unit: rounds.settle(unit, "CNY", ["USD"])
    )
    return settled


async def test_debts_are_converted_at_the_newest_rate_and_the_gain_is_booked_apart(
    world: World,
) -> None:
    first = await record(world, "7.0123")
    closed = await dollars(world)
    held = await statement(world, closed, world.partner)
    assert [(each.id, each.rate, each.source) for each in held.inputs.rates] == [
        (first.id, "7.0123", "the central bank's fixing")
    ]
    assert verify(to_document(held), world.lake).difference is None
    second = await record(world, "7.2", observed_at=world.database.clock.now())
    settled = await settle(world)
    assert settled.rates == [
        {"id": second.id, "base": "USD", "rate": "7.2", "source": second.source}
    ]
    whole = round(1_500 * 7.2)
    assert sum(settled.positions.values()) == 0
    assert settled.positions[world.partner] == -(whole - 540)
    await pay(world, settled)
    earned, gained = 2_630, 2_700 - 2_630  # 375 cents at 7.0123, and what 7.2 made of them
    left = {
        (account, money.currency): money.amount_minor
        for account, moneys in (await balances(world)).items()
        for money in moneys
        if money.amount_minor
    }
    assert left == {
        (f"revenue:{world.operator}", "CNY"): -earned,
        (f"exchange:{world.operator}", "CNY"): -gained,
        (f"cash:{world.operator}", "CNY"): 2_700,
    }
    async with world.database.connect() as connection:
        told = await connection.execute(
            select(postings.c.description).where(postings.c.reference.like(f"{closed.closing}/%/%"))
        )
        assert told.scalars().all() == [f"converted at {second.id}"]


async def test_without_a_recent_rate_nothing_is_converted(world: World) -> None:
    await dollars(world)
    await refused(CONFLICT, settle(world))
    await record(world, "7", observed_at=world.database.clock.now() - timedelta(days=8))
    await refused(CONFLICT, settle(world))
    assert (await balances(world))[f"receivable:{world.partner}"] == [Money(1_500, "USD")]


async def test_a_converted_line_takes_no_more_credits(world: World) -> None:
    closed = await dollars(world)
    await record(world, "7")
    await settle(world)

    async def refund(unit: UnitOfWork) -> None:
        at = await line_of(unit.connection, closed.statements[world.bank], 1, world.bank)
        await credits.grant(unit, at, 1, "late")

    await refused(INVALID_INPUT, doing(world, world.bank, refund))


async def test_reopening_after_a_conversion_gives_everything_back(world: World) -> None:
    await dollars(world)
    await record(world, "7.03")
    await pay(world, await settle(world))

    async def reopen(unit: UnitOfWork) -> None:
        await reopenings.reopen(unit, period=world.period, currency="USD", reason="wrong price")

    await doing(world, world.operator, reopen)
    back: Round = await doing(world, world.operator, lambda unit: rounds.settle(unit, "CNY"))
    await pay(world, back)
    for account, moneys in (await balances(world)).items():
        assert all(money.amount_minor == 0 for money in moneys), account


async def test_reopening_waits_for_a_conversion_under_way(world: World) -> None:
    await dollars(world)
    await record(world, "7.03")

    async def reopen() -> None:
        async with world.database.unit(world.actor(world.operator)) as unit:
            await reopenings.reopen(unit, period=world.period, currency="USD", reason="wrong price")

    async with world.database.unit(world.actor(world.operator)) as unit:
        settled = await rounds.settle(unit, "CNY", ["USD"])
        opening = asyncio.create_task(reopen())
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not await unit.connection.scalar(waits):
            assert not opening.done()
            await asyncio.sleep(0.01)
    await opening
    await pay(world, settled)
    back: Round = await doing(world, world.operator, lambda unit: rounds.settle(unit, "CNY"))
    await pay(world, back)
    for account, moneys in (await balances(world)).items():
        assert all(money.amount_minor == 0 for money in moneys), account


async def test_only_the_operator_records_rates_and_none_is_ever_changed(world: World) -> None:
    await refused(FORBIDDEN, record(world, "7", by=world.bank))
    for rate in ("0", "-1", "7.123456789", "seven"):
        await refused(INVALID_INPUT, record(world, rate))
    later = world.database.clock.now() + HOUR
    for others in ({"quote": "USD"}, {"base": "XXX"}, {"source": ""}, {"observed_at": later}):
        await refused(INVALID_INPUT, record(world, "7", **others))
    made = await record(world, "7")
    async with world.database.connect() as connection:
        assert await exchange_rates.list_page(connection) == [made]
        assert await exchange_rates.find_newest(connection, "USD", "CNY", NOW) is None
    with pytest.raises(DBAPIError, match="append-only"):
        async with world.database.unit(world.actor(world.operator)) as unit:
            await unit.connection.execute(text("UPDATE exchange_rates SET rate = '8'"))


RATES = st.integers(1, 10**12).map(lambda n: f"{n // 10**8}.{n % 10**8:08}")


@given(
    st.lists(st.integers(-(10**12), 10**12), max_size=8),
    RATES,
    st.sampled_from(["USD", "JPY", "KWD"]),
    st.sampled_from(["CNY", "KRW"]),
)
def test_what_is_converted_sums_to_the_whole_converted(
    amounts: list[int], rate: str, base: str, quote: str
) -> None:
    at = Rate("rat_x", base, quote, rate, "test", NOW, NOW, "usr")
    parts = convert_amounts(amounts, at)
    whole = convert_amounts([sum(amounts)], at) if amounts else []
    assert sum(parts) == sum(whole)
    assert len(parts) == len(amounts)
