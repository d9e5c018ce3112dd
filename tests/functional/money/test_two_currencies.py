"""Two currencies closed and settled at once, by two workers, while somebody reads the books."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from xml.etree import ElementTree

from money_world import World
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from test_closing import bring, count, statement
from test_closing_jobs import CrashError, failing, job_of, name_accounts, traded
from test_exchange_rates import traded_abroad

from weir.jobs import runner
from weir.kernel.money import Money
from weir.ledger import books
from weir.ledger.tables import entries, postings
from weir.settlement.closing import requests
from weir.settlement.documents import to_document
from weir.settlement.payment import pain001, rounds
from weir.settlement.payment_tables import netting_rounds
from weir.settlement.statements.verification import RecordsFolder, verify

CURRENCIES = ("CNY", "USD")


async def ask(world: World, period: str, currency: str, settle: bool = True) -> str:
    async with world.database.unit(world.actor(world.operator)) as unit:
        return await requests.request(unit, period=period, currency=currency, settle=settle)


async def test_each_currency_is_settled_by_a_round_and_a_message_of_its_own(world: World) -> None:
    await traded(world)
    await traded_abroad(world)
    asked = {each: await ask(world, world.period, each) for each in CURRENCIES}
    await asyncio.gather(*(runner.tend(world.works) for _ in range(2)))
    done = {each: await job_of(world, job) for each, job in asked.items()}
    assert {each.status for each in done.values()} == {"done"}
    assert await count(world, netting_rounds) == 2
    async with world.database.connect() as connection:
        for currency, job in done.items():
            settled = await rounds.fetch(connection, str(job.round))
            paid = sorted(each.amount_minor for each in settled.payments)
            assert (settled.currency, paid) == (currency, [375, 1_050])
            (message,) = await pain001.issued_for(connection, str(job.round))
            amounts = ElementTree.fromstring(message).iterfind(".//{*}InstdAmt")
            assert [each.get("Ccy") for each in amounts] == [currency] * 2
            file = world.outbox / f"{pain001.key_of(message)}.xml"
            assert file.read_bytes() == message
    assert len(list(world.outbox.iterdir())) == 2


async def test_a_worker_that_goes_back_to_a_closing_goes_on_with_its_own_draft(
    world: World,
) -> None:
    await traded(world)
    await traded_abroad(world)
    asked = {each: await ask(world, world.period, each, settle=False) for each in CURRENCIES}
    works = world.works
    with failing(world, "posted", CrashError()):
        assert (await runner.tend(works)).keys() == set(asked.values())
    assert await runner.tend(works) == {}
    for currency, job in asked.items():
        held = await statement(world, await job_of(world, job), world.operator)
        assert held.currency == currency
        assert verify(to_document(held), RecordsFolder(world.records)).difference is None
    async with world.database.connect() as connection:
        rows = await connection.execute(select(entries.c.posting, entries.c.currency).distinct())
        assert sorted(row.currency for row in rows) == ["CNY", "USD"]


async def in_books(connection: AsyncConnection) -> tuple[int, dict[str, list[Money]]]:
    """How many postings there are, and what they sum to by account, added up here one by one."""
    rows = (await connection.execute(select(entries))).all()
    of_posting: dict[tuple[str, str], int] = defaultdict(int)
    of_account: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        of_posting[row.posting, row.currency] += row.amount_minor
        of_account[row.account, row.currency] += row.amount_minor
    assert not any(of_posting.values())
    held: dict[str, list[Money]] = defaultdict(list)
    for (account, currency), amount in sorted(of_account.items()):
        held[account].append(Money(amount, currency))
    made = len((await connection.execute(select(postings.c.id))).all())
    assert made == len({posting for posting, _ in of_posting})
    return made, dict(held)


async def test_balances_are_the_sum_of_postings_at_every_instant_of_two_closings(
    world: World,
) -> None:
    await name_accounts(world)
    await traded_abroad(world)
    last_month = world.database.clock.now().replace(day=1) - timedelta(days=15)
    begin_us = round(last_month.timestamp()) * 1_000_000
    policies = {"product": world.policies, "plan": world.policies_plan, "member": world.insurer}
    await bring(world, *(world.record(at_us=begin_us + n, **policies) for n in range(500)))
    await ask(world, world.period, "USD")
    await ask(world, f"{last_month:%Y-%m}", "CNY")
    seen: list[int] = []

    async def read(until: asyncio.Event) -> None:
        while not until.is_set():
            async with world.database.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                held = await books.balances(connection)
                made, summed = await in_books(connection)
            assert held == summed
            seen.append(made)

    over = asyncio.Event()
    reading = asyncio.create_task(read(over))
    await asyncio.gather(*(runner.tend(world.works) for _ in range(2)))
    over.set()
    await reading
    async with world.database.connect() as connection:
        made, summed = await in_books(connection)
        assert await books.balances(connection) == summed
    assert made == 3  # a line in each currency, and what the round turned for the partner
    assert seen == sorted(seen)
    assert seen
    assert summed[f"receivable:{world.partner}"] == [Money(10_000, "CNY"), Money(1_425, "USD")]
