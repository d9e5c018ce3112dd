"""Budgets under contention: what is granted and not given back never exceeds the cap."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from weir.metering.counters import budgets as counters
from weir.metering.tables import budgets
from weir.store.database import Database
from weir.store.unit import Actor

GATEWAY = Actor("", "prc_of_the_test")


async def lease(database: Database, *wants: tuple[str, str, int, int]) -> list[int]:
    async with database.unit(GATEWAY) as unit:
        return await counters.lease(unit.connection, wants)


async def give_back(database: Database, *unused: tuple[str, str, int]) -> None:
    async with database.unit(GATEWAY) as unit:
        await counters.give_back(unit.connection, unused)


async def test_a_want_is_granted_in_full_in_part_or_not_at_all(database: Database) -> None:
    assert await lease(database, ("sub_1", "d:2026-11-05", 10, 6)) == [6]
    assert await lease(database, ("sub_1", "d:2026-11-05", 10, 6)) == [4]
    assert await lease(database, ("sub_1", "d:2026-11-05", 10, 6)) == [0]
    assert await lease(database, ("sub_1", "d:2026-11-06", 10, 6)) == [6]


async def test_answers_come_in_the_order_of_the_wants(database: Database) -> None:
    wants = [("sub_b", "d:1", 5, 3), ("sub_a", "d:1", 2, 9), ("sub_c", "d:1", 0, 1)]
    assert await lease(database, *wants) == [3, 2, 0]
    assert await lease(database) == []


async def test_a_lowered_cap_grants_nothing_more_and_takes_nothing_back(
    database: Database,
) -> None:
    assert await lease(database, ("sub_1", "d:1", 10, 8)) == [8]
    assert await lease(database, ("sub_1", "d:1", 5, 1)) == [0]
    assert await lease(database, ("sub_1", "d:1", 10, 5)) == [2]


async def test_what_is_given_back_can_be_leased_again(database: Database) -> None:
    await lease(database, ("sub_1", "d:1", 10, 10))
    await give_back(database, ("sub_1", "d:1", 4))
    assert await lease(database, ("sub_1", "d:1", 10, 10)) == [4]


async def test_more_than_was_leased_cannot_be_given_back(database: Database) -> None:
    await lease(database, ("sub_1", "d:1", 10, 3))
    with pytest.raises(IntegrityError):
        await give_back(database, ("sub_1", "d:1", 4))


async def test_negative_or_repeated_wants_are_not_asked_for(database: Database) -> None:
    for wants in ([("s", "d:1", -1, 1)], [("s", "d:1", 1, -1)], [("s", "d:1", 1, 1)] * 2):
        with pytest.raises(ValueError, match=r"negative|twice"):
            await lease(database, *wants)


async def test_twenty_connections_at_once_never_pass_the_cap(database: Database) -> None:
    """Each gateway leases and gives back at random, in its own order, over shared windows."""
    windows = [("sub_a", 97), ("sub_b", 40), ("sub_c", 1)]
    held = dict.fromkeys([name for name, _ in windows], 0)

    async def gateway(seed: int) -> None:
        random = Random(seed)
        for _ in range(6):
            chosen = random.sample(windows, 3)
            wants = [(name, "d:1", cap, random.randint(0, 12)) for name, cap in chosen]
            granted = await lease(database, *wants)
            back = []
            for (name, _, _, want), got in zip(wants, granted, strict=True):
                assert 0 <= got <= want
                unused = random.randint(0, got)
                held[name] += got - unused
                back.append((name, "d:1", unused))
            await give_back(database, *back)

    await asyncio.gather(*(gateway(seed) for seed in range(20)))
    async with database.connect() as connection:
        rows = await connection.execute(select(budgets.c.subscription, budgets.c.granted))
        granted = {row.subscription: row.granted for row in rows}
    assert granted == held
    for name, cap in windows:
        assert granted[name] <= cap
        assert await lease(database, (name, "d:1", cap, 1_000)) == [cap - held[name]]


async def test_old_windows_are_forgotten_and_living_ones_kept(database: Database) -> None:
    await lease(database, ("s", "s:1", 9, 1), ("s", "d:1", 9, 1), ("s", "m:1", 9, 1))
    now = database.clock.now()
    for later, left in ((0, 3), (1, 2), (5, 1), (50, 0)):
        async with database.unit(GATEWAY) as unit:
            await counters.clean(unit.connection, now + timedelta(days=later))
        async with database.connect() as connection:
            assert len((await connection.execute(select(budgets))).all()) == left
