"""The books: balanced, append-only, and written once whatever is repeated."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from money_world import World, mint
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from weir.kernel.declares import CONFLICT, NOT_FOUND
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.ledger import books
from weir.ledger.postings import Entry, Posting
from weir.ledger.tables import entries, postings


def sale(world: World, reference: str, amount_minor: int = 100) -> Posting:
    return Posting(
        reference,
        "a sale",
        (
            Entry(f"receivable:{world.partner}", Money(amount_minor, "CNY")),
            Entry(f"payable:{world.bank}", Money(-amount_minor, "CNY")),
        ),
    )


async def post(world: World, posting: Posting) -> str:
    async with world.database.unit(world.actor(world.operator)) as unit:
        return await books.post(unit, posting)


async def reverse(world: World, identifier: str) -> str:
    async with world.database.unit(world.actor(world.operator)) as unit:
        return await books.reverse(unit, identifier, "a mistake")


async def balance(world: World, account: str) -> list[Money]:
    async with world.database.connect() as connection:
        return (await books.balances(connection, account)).get(account, [])


async def test_a_posting_moves_both_accounts(world: World) -> None:
    identifier = await post(world, sale(world, "one"))
    assert await balance(world, f"receivable:{world.partner}") == [Money(100, "CNY")]
    assert await balance(world, f"payable:{world.bank}") == [Money(-100, "CNY")]
    async with world.database.connect() as connection:
        assert await books.fetch(connection, identifier) == sale(world, "one")


async def test_the_same_reference_is_posted_once_even_at_the_same_time(world: World) -> None:
    made = await asyncio.gather(*(post(world, sale(world, "one")) for _ in range(8)))
    assert len(set(made)) == 1
    assert await balance(world, f"payable:{world.bank}") == [Money(-100, "CNY")]


async def test_a_reference_with_other_entries_is_refused(world: World) -> None:
    await post(world, sale(world, "one"))
    with pytest.raises(Refusal) as refused:
        await post(world, sale(world, "one", 101))
    assert refused.value.outcome is CONFLICT


async def test_a_posting_is_undone_by_its_reversal_once(world: World) -> None:
    identifier = await post(world, sale(world, "one"))
    assert await reverse(world, identifier) == await reverse(world, identifier)
    assert await balance(world, f"payable:{world.bank}") == [Money(0, "CNY")]
    with pytest.raises(Refusal) as refused:
        await reverse(world, mint("pst"))
    assert refused.value.outcome is NOT_FOUND


async def test_the_database_itself_refuses_what_is_not_balanced(world: World) -> None:
    with pytest.raises(IntegrityError, match="not balanced"):
        async with world.database.unit(world.actor(world.operator)) as unit:
            identifier = await books.post(unit, sale(world, "one"))
            line = {"posting": identifier, "line": 3, "account": f"payable:{world.bank}"}
            await unit.connection.execute(
                insert(entries).values(**line, currency="CNY", amount_minor=1)
            )
    with pytest.raises(IntegrityError, match="not balanced"):
        async with world.database.unit(world.actor(world.operator)) as unit:
            await unit.connection.execute(
                insert(postings).values(
                    id=mint("pst"),
                    reference="empty",
                    description="",
                    actor_organisation="",
                    actor_subject="",
                    at=unit.now,
                )
            )


async def test_the_database_itself_refuses_to_change_or_forget(world: World) -> None:
    await post(world, sale(world, "one"))
    for statement in (
        update(entries).values(amount_minor=1),
        delete(entries),
        update(postings).values(description="another"),
        delete(postings),
        text("TRUNCATE entries, postings"),
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            async with world.database.unit(world.actor(world.operator)) as unit:
                await unit.connection.execute(statement)
    assert await balance(world, f"payable:{world.bank}") == [Money(-100, "CNY")]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_posted_and_reversed_the_books_sum_to_zero(
    world: World, seed: int
) -> None:
    random = Random(seed)
    made: list[str] = []
    expected = 0
    for number in range(40):
        if made and random.random() < 0.3:
            posting = random.choice(made)
            async with world.database.connect() as connection:
                held = await books.fetch(connection, posting)
            assert held is not None
            first = not await reversed_already(world, posting)
            made.append(await reverse(world, posting))
            expected -= held.entries[0].amount.amount_minor if first else 0
        else:
            amount = random.randint(1, 10**9)
            made.append(await post(world, sale(world, f"sale {number}", amount)))
            expected += amount
    async with world.database.connect() as connection:
        assert await connection.scalar(select(func.sum(entries.c.amount_minor))) == 0
    assert await balance(world, f"receivable:{world.partner}") == [Money(expected, "CNY")]


async def reversed_already(world: World, posting: str) -> bool:
    async with world.database.connect() as connection:
        found = await connection.scalar(
            select(func.count()).select_from(postings).where(postings.c.reverses == posting)
        )
    return bool(found)
