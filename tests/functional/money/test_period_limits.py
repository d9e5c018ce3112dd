"""Recurring payments: what is claimed at once never passes a limit, and is given back only when it
is certain that nothing was paid.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from weir.metering.counters.payment_intents import (
    Claim,
    ClaimOutcome,
    Intent,
    claim,
    detach,
    record_answer,
    record_name_of,
    release_unsent,
)
from weir.metering.counters.period_sums import PeriodLimit, clean
from weir.metering.tables import intents, period_sums
from weir.store.database import Database

AT = datetime(2027, 3, 5, 12, tzinfo=UTC)
ENDS = datetime(2027, 4, 1, tzinfo=UTC)
DAY = PeriodLimit("day:2027-03-05", 500, ENDS)
MONTH = PeriodLimit("month:2027-03-01", 1_200, ENDS)
NEXT_DAY = PeriodLimit("day:2027-03-06", 500, ENDS)


def payment(key: str, amount_minor: int = 100, *limits: PeriodLimit) -> Intent:
    return Intent(
        consent_id="cns_1",
        record_name=record_name_of("rec_1", key),
        client_id="app_1",
        idempotency_key=key,
        request_sha256=f"sha {amount_minor}",
        capability="cap_1",
        subscription="sub_1",
        member="org_1",
        interaction_id="first",
        amount_minor=amount_minor,
        currency="CNY",
        at=AT,
        limits=limits or (DAY, MONTH),
    )


async def claimed(database: Database, intent: Intent) -> Claim:
    """As a gateway does: what is refused for its limit is rolled back."""
    async with database.connect() as connection:
        outcome = await claim(connection, intent)
        if outcome.short is None:
            await connection.commit()
    return outcome


async def left_unsent(database: Database, key: str) -> None:
    async with database.engine.begin() as connection:
        await release_unsent(connection, "app_1", key)


async def sums(database: Database) -> dict[str, int]:
    async with database.connect() as connection:
        rows = await connection.execute(select(period_sums))
        return {row.period: row.spent_minor for row in rows}


async def keys(database: Database) -> set[str]:
    async with database.connect() as connection:
        return set((await connection.execute(select(intents.c.idempotency_key))).scalars())


async def test_payments_of_a_period_add_up_to_its_limit_and_no_further(database: Database) -> None:
    for key in ("a", "b"):
        assert (await claimed(database, payment(key, 200))).outcome is ClaimOutcome.NEW
    over = await claimed(database, payment("c", 101))
    assert over.outcome is ClaimOutcome.LIMIT_REACHED
    assert over.short is not None
    assert (over.short.limit, over.short.left_minor) == (DAY, 100)
    assert await keys(database) == {"a", "b"}
    assert await sums(database) == {DAY.period: 400, MONTH.period: 400}
    assert (await claimed(database, payment("c", 100))).outcome is ClaimOutcome.NEW
    tomorrow = payment("d", 500, NEXT_DAY, MONTH)
    assert (await claimed(database, tomorrow)).outcome is ClaimOutcome.NEW
    assert await sums(database) == {DAY.period: 500, MONTH.period: 1_000, NEXT_DAY.period: 500}


async def test_a_longer_period_refuses_what_a_shorter_one_has_room_for(database: Database) -> None:
    for key, day in (("a", DAY), ("b", NEXT_DAY)):
        await claimed(database, payment(key, 500, day, MONTH))
    third = PeriodLimit("day:2027-03-07", 500, ENDS)
    over = await claimed(database, payment("c", 201, third, MONTH))
    assert over.short is not None
    assert (over.short.limit, over.short.left_minor) == (MONTH, 200)
    assert third.period not in await sums(database)


async def test_the_same_payment_asked_for_again_is_claimed_once(database: Database) -> None:
    await claimed(database, payment("a", 300))
    again = replace(payment("a", 300, NEXT_DAY, MONTH), at=AT + timedelta(days=1))
    assert (await claimed(database, again)).outcome is ClaimOutcome.RETRY_SAME
    assert (await claimed(database, payment("a", 301))).outcome is ClaimOutcome.KEY_REUSED
    assert await sums(database) == {DAY.period: 300, MONTH.period: 300}


async def test_what_never_left_is_given_back_with_its_key(database: Database) -> None:
    await claimed(database, payment("a", 300))
    await left_unsent(database, "a")
    assert await sums(database) == {DAY.period: 0, MONTH.period: 0}
    assert await keys(database) == set()
    assert (await claimed(database, payment("a", 500))).outcome is ClaimOutcome.NEW


async def test_what_another_request_may_have_paid_is_kept(database: Database) -> None:
    await claimed(database, payment("a", 300))
    await claimed(database, payment("a", 300))  # which leaves, and is answered by nobody
    await left_unsent(database, "a")
    assert await sums(database) == {DAY.period: 300, MONTH.period: 300}
    async with database.engine.begin() as connection:
        await record_answer(connection, "app_1", "a", 201)
    await left_unsent(database, "a")
    await left_unsent(database, "nobody's")
    assert await sums(database) == {DAY.period: 300, MONTH.period: 300}


async def test_a_single_payment_keeps_its_intent_although_it_never_left(
    database: Database,
) -> None:
    await claimed(database, replace(payment("a"), limits=()))
    await left_unsent(database, "a")
    assert await keys(database) == {"a"}


async def test_of_many_payments_at_once_as_many_are_made_as_there_is_room_for(
    database: Database,
) -> None:
    rivals = [payment(f"k{n % 9}", 120) for n in range(18)]
    made = await asyncio.gather(*(claimed(database, each) for each in rivals))
    counts = Counter(each.outcome for each in made)
    assert counts[ClaimOutcome.NEW] == 4
    assert len(await keys(database)) == 4
    assert await sums(database) == {DAY.period: 480, MONTH.period: 480}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_at_once_the_sums_are_those_of_the_intents_and_within_limits(
    database: Database, seed: int
) -> None:
    dice = Random(seed)

    async def client(number: int) -> None:
        for _ in range(12):
            key = f"k{dice.randrange(10)}"
            day = dice.choice((DAY, NEXT_DAY))
            made = await claimed(database, payment(key, 40 + 7 * int(key[1:]), day, MONTH))
            if made.outcome in (ClaimOutcome.NEW, ClaimOutcome.RETRY_SAME) and dice.random() < 0.6:
                await left_unsent(database, key)

    await asyncio.gather(*(client(number) for number in range(5)))
    expected: Counter[str] = Counter()
    async with database.connect() as connection:
        for row in await connection.execute(select(intents)):
            expected.update(dict.fromkeys(row.periods, row.amount_minor))
    limits = {each.period: each.limit_minor for each in (DAY, NEXT_DAY, MONTH)}
    found = await sums(database)
    assert {name: spent for name, spent in found.items() if spent} == dict(expected)
    assert all(spent <= limits[name] for name, spent in found.items())


async def test_periods_are_forgotten_a_week_after_their_end_and_with_their_consent(
    database: Database,
) -> None:
    await claimed(database, payment("a"))
    for days, left in ((7, 2), (8, 0)):
        async with database.engine.begin() as connection:
            await clean(connection, ENDS + timedelta(days=days))
        assert len(await sums(database)) == left
    await claimed(database, payment("b"))
    async with database.engine.begin() as connection:
        for key in ("a", "b"):
            await record_answer(connection, "app_1", key, 201)
        assert await detach(connection, ["cns_1"])
        rows = (await connection.execute(select(intents))).all()
    assert {(row.record_name, tuple(row.periods), row.amount_minor) for row in rows} == {
        (None, (), 0)
    }
    assert await sums(database) == {}


def test_a_payments_name_in_records_is_one_of_its_own_and_of_their_form() -> None:
    names = {
        record_name_of("rec_1", "a"),
        record_name_of("rec_1", "b"),
        record_name_of("rec_2", "a"),
    }
    assert len(names) == 3
    assert all(len(each) == 30 and each.startswith("rec_") for each in names)
