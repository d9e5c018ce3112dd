"""Closing: from records to statements, the same however often and by whoever."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from acceptance_signatures import hand_of
from money_world import NOVEMBER_US, World
from sqlalchemy import func, select

from weir.agreements import agreements
from weir.kernel.declares import CONFLICT, FORBIDDEN, ILLEGAL_STATE, INVALID_INPUT, NOT_FOUND
from weir.kernel.money import Money
from weir.kernel.outcomes import Outcome, Refusal
from weir.ledger import books
from weir.ledger.tables import postings
from weir.metering.records.records import CallRecord
from weir.metering.tables import segments
from weir.settlement.closing import requests
from weir.settlement.closing.requests import ClosingJob
from weir.settlement.closing.what_if import try_agreement
from weir.settlement.documents import Statement, to_document
from weir.settlement.periods.periods import interval
from weir.settlement.statements import statements
from weir.settlement.statements.verification import RecordsFolder, verify
from weir.settlement.tables import closings
from weir.store.unit import Actor

SPLIT = [
    {"party": "member", "weight": 7_000},
    {"party": "operator", "weight": 2_500},
    {"party": "partner", "weight": 500},
]
DAY_US = 86_400_000_000


async def agree(world: World, **terms: Any) -> str:
    """An agreement on the accounts product that every party has accepted."""
    given = {
        "product": world.accounts,
        "effective_from": world.database.clock.now(),
        "currency": "CNY",
        "shares": SPLIT,
    }
    async with world.database.unit(world.actor(world.operator)) as unit:
        agreement = await agreements.propose(unit, **(given | terms))
    for party in agreement.needed:
        hand = hand_of(party)
        async with world.database.unit(world.actor(party)) as unit:
            signature = hand.sign(agreement.terms())
            await agreements.accept(
                unit,
                agreement.id,
                signature,
                application=unit.actor.subject,
                certificate_pem=hand.certificate,
            )
    return agreement.id


async def close(world: World, period: str, by: str | None = None) -> ClosingJob:
    actor = world.actor(by or world.operator)
    return await requests.close(world.works, actor, period=period, currency="CNY")


async def bring(world: World, *records: CallRecord) -> str:
    stream = world.write(records)
    report = await world.ingest()
    assert report.findings == []
    return stream


async def statement(world: World, closed: ClosingJob, party: str) -> Statement:
    async with world.database.connect() as connection:
        return await statements.fetch(connection, closed.statements[party], party)


async def balances(world: World) -> dict[str, list[Money]]:
    async with world.database.connect() as connection:
        return await books.balances(connection)


async def count(world: World, table: Any) -> int:
    async with world.database.connect() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def refused(outcome: Outcome, doing: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        await doing
    assert refusal.value.outcome is outcome


def now_us(world: World) -> int:
    return int(world.database.clock.now().timestamp() * 1_000_000)


async def test_calls_become_lines_postings_and_statements(world: World) -> None:
    agreement = await agree(world)
    at_us = now_us(world)
    calls = [world.record(at_us=at_us + n) for n in range(1_001)]
    failed = world.record(at_us=at_us, status=502, refusal="member_unreachable", fault="member")
    await bring(world, *calls, failed)
    closed = await close(world, world.period)
    assert (closed.is_new, closed.supplement) == (True, 0)
    assert set(closed.statements) == {world.operator, world.bank, world.partner}
    held = await statement(world, closed, world.operator)
    (line,) = held.lines
    assert (line.agreement, line.charges[0].price) == (agreement, "0.015")
    assert (line.calls, line.billable_calls, line.gross_minor) == (1_002, 1_001, 1_502)
    assert [share.amount_minor for share in line.shares] == [1_051, 376, 75]
    assert held.sum_of_shares_minor == held.gross_minor == 1_502
    assert held.records.records == 1_002
    assert await balances(world) == {
        f"payable:{world.bank}": [Money(-1_051, "CNY")],
        f"payable:{world.partner}": [Money(-75, "CNY")],
        f"receivable:{world.partner}": [Money(1_502, "CNY")],
        f"revenue:{world.operator}": [Money(-376, "CNY")],
    }
    partner = await statement(world, closed, world.partner)
    assert (partner.owes_minor, partner.is_owed_minor) == (1_502, 75)
    assert partner.balance_minor == 75 - 1_502
    for party in closed.statements:
        document = to_document(await statement(world, closed, party))
        assert verify(document, RecordsFolder(world.records)).difference is None
        assert verify(document, world.lake).difference is None


async def test_closing_twice_gives_the_same_statements(world: World) -> None:
    await bring(world, world.record())
    first = await close(world, "2026-11")
    again = await close(world, "2026-11")
    assert again.statements == first.statements
    assert (again.closing, again.is_new) == (first.closing, False)
    assert await count(world, postings) == 1


async def test_closing_at_the_same_time_closes_once(world: World) -> None:
    await bring(world, *(world.record() for _ in range(10)))
    closed = await asyncio.gather(*(close(world, "2026-11") for _ in range(5)))
    assert len({each.closing for each in closed}) == 1
    assert len({each.job for each in closed if each.is_new}) == 1
    assert await count(world, closings) == 1


async def test_records_that_come_late_make_a_supplement(world: World) -> None:
    await bring(world, *(world.record() for _ in range(100)))
    first = await close(world, "2026-11")
    await bring(world, *(world.record() for _ in range(200)))
    late = await close(world, "2026-11")
    assert (late.supplement, late.is_new) == (1, True)
    held = await statement(world, late, world.bank)
    assert [line.billable_calls for line in held.lines] == [200]
    assert (await close(world, "2026-11")).closing == late.closing
    assert (await balances(world))[f"receivable:{world.partner}"] == [Money(450, "CNY")]
    for closed in (first, late):
        document = to_document(await statement(world, closed, world.operator))
        assert verify(document, world.lake).difference is None


async def test_a_segment_that_touches_two_periods_is_counted_once_in_each(world: World) -> None:
    before_us = NOVEMBER_US - 5 * DAY_US
    calls = [world.record(at_us=before_us) for _ in range(100)]
    calls += [world.record(at_us=NOVEMBER_US) for _ in range(300)]
    await bring(world, *calls)
    gross = {}
    for period in ("2026-10", "2026-11", "2026-12"):
        closed = await close(world, period)
        gross[period] = (await statement(world, closed, world.operator)).gross_minor
    assert gross == {"2026-10": 150, "2026-11": 450, "2026-12": 0}


async def test_each_call_is_split_by_the_agreement_of_its_time(world: World) -> None:
    first = await agree(world)
    between_us = now_us(world)
    second = await agree(world, shares=[{"party": "member", "weight": 10_000}])
    after_us = now_us(world)
    await bring(
        world,
        *(world.record(at_us=between_us) for _ in range(100)),
        *(world.record(at_us=after_us) for _ in range(10)),
        world.record(at_us=between_us - 60_000_000),
    )
    held = await statement(world, await close(world, world.period), world.operator)
    found = {line.agreement: line.billable_calls for line in held.lines}
    assert found == {None: 1, first: 100, second: 10}
    assert verify(to_document(held), world.lake).difference is None


async def test_periods_of_one_currency_do_not_overlap(world: World) -> None:
    await close(world, "2026-11")
    week = "2026-11-24T00:00:00Z/2026-12-02T00:00:00Z"
    await refused(CONFLICT, close(world, week))
    await close(world, "2026-12-01T00:00:00Z/2026-12-02T00:00:00Z")


async def test_only_the_operator_closes_and_only_periods(world: World) -> None:
    await refused(FORBIDDEN, close(world, "2026-11", by=world.bank))
    await refused(INVALID_INPUT, close(world, "november"))
    with pytest.raises(Refusal):
        actor = Actor(world.operator, "usr_of_the_test")
        await requests.close(world.works, actor, period="2026-11", currency="XXX")


async def test_a_lake_that_lost_records_is_not_closed_over(world: World) -> None:
    await bring(world, world.record(), world.record(at_us=NOVEMBER_US + DAY_US))
    async with world.database.unit(world.actor(world.operator)) as unit:
        await unit.connection.execute(segments.update().values(files=world.lake.files()[:1]))
    await refused(ILLEGAL_STATE, close(world, "2026-11"))
    assert await count(world, closings) == 0


async def test_a_statement_is_its_partys_and_the_operators_to_see(world: World) -> None:
    await bring(world, world.record())
    closed = await close(world, "2026-11")
    async with world.database.connect() as connection:
        for viewer in (world.bank, world.operator):
            await statements.fetch(connection, closed.statements[world.bank], viewer)
        with pytest.raises(Refusal) as refusal:
            await statements.fetch(connection, closed.statements[world.bank], world.partner)
        assert refusal.value.outcome is NOT_FOUND
        (row,) = await statements.of_party(connection, world.bank)
        assert (row.id, row.period) == (closed.statements[world.bank], "2026-11")
        assert await statements.of_party(connection, world.bank, before=row.id) == []


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_was_called_the_statements_recompute_and_the_books_agree(
    world: World, seed: int
) -> None:
    random = Random(seed)
    await agree(world)
    start_us = now_us(world)
    for _ in range(3):
        await bring(world, *(_random_call(world, random, start_us) for _ in range(60)))
        await close(world, world.period)
    held = await balances(world)
    owed: dict[str, int] = {}
    async with world.database.connect() as connection:
        for party in (world.operator, world.bank, world.insurer, world.partner):
            for row in await statements.of_party(connection, party):
                made = to_document(await statements.fetch(connection, row.id, party))
                assert verify(made, world.lake).difference is None
                owed[party] = owed.get(party, 0) + row.balance_minor
    in_books: dict[str, int] = {}
    for account, (money,) in held.items():
        party = account.split(":")[1]
        in_books[party] = in_books.get(party, 0) - money.amount_minor
    assert {k: v for k, v in owed.items() if v} == {k: v for k, v in in_books.items() if v}
    assert sum(in_books.values()) == 0


def _random_call(world: World, random: Random, start_us: int) -> CallRecord:
    policies = {"product": world.policies, "plan": world.policies_plan, "member": world.insurer}
    fields = policies if random.random() < 0.5 else {}
    refusal = random.choice([None, None, None, "rate_exceeded"])
    return world.record(
        **fields,
        at_us=start_us + random.randint(-1_000_000, 1_000_000),
        status=429 if refusal else random.choice([200, 201, 404, 500]),
        refusal=refusal,
    )


async def test_a_minimum_is_a_line_that_its_payer_owes_and_every_party_recomputes(
    world: World,
) -> None:
    minimum = {"party": "member", "minimum": "900.00", "paid_by": "operator"}
    agreement = await agree(world, shares=[*SPLIT, minimum])
    await bring(world, *[world.record(at_us=now_us(world)) for _ in range(100)])
    closed = await close(world, world.period)
    held = await statement(world, closed, world.operator)
    due, line = held.lines
    assert (due.plan, due.partner, due.agreement) == (None, world.operator, agreement)
    (minimum_share,) = due.shares
    assert minimum_share.amount_minor > 0
    balanced = await balances(world)
    owed_minor = minimum_share.amount_minor + line.shares[0].amount_minor
    assert balanced[f"payable:{world.bank}"] == [Money(-owed_minor, "CNY")]
    earned_minor = line.shares[1].amount_minor - minimum_share.amount_minor
    assert balanced[f"revenue:{world.operator}"] == [Money(-earned_minor, "CNY")]
    for party in closed.statements:
        one = await statement(world, closed, party)
        assert verify(to_document(one), RecordsFolder(world.records)).difference is None


async def test_rewards_are_counted_over_the_whole_period_also_in_a_supplement(
    world: World,
) -> None:
    """The customer comes on a second day, after the first closing, and only then has stayed."""
    stayed = {"party": "partner", "fixed": "2", "per": "customer", "days": 2}
    brought = {"party": "partner", "fixed": "0.001", "per": "call", "referrer": "maps.home"}
    await agree(world, shares=[*SPLIT, stayed, brought])
    at_us = now_us(world)
    calls = [world.record(at_us=at_us, consent="cns_1", referrer="maps.home") for _ in range(999)]
    now = world.database.clock.now()
    period = interval(now - timedelta(days=1), now + timedelta(days=3))
    await bring(world, *calls)
    first = await close(world, period)
    await bring(world, world.record(at_us=at_us + DAY_US, consent="cns_1"))
    late = await close(world, period)
    one, two = [await statement(world, each, world.operator) for each in (first, late)]
    assert [each.count for each in one.lines[0].rewarded] == [999]
    assert [(each.term, each.count) for each in two.lines[0].rewarded] == [(3, 1), (4, 999)]
    assert [len(each.records.rewarded) for each in (one, two)] == [1, 2]
    partner = [each.lines[0].shares[2].amount_minor for each in (one, two)]
    assert sum(partner) == 200 + 100 + (1_500 - 300) * 5 // 100
    for closed in (first, late):
        for party in closed.statements:
            document = to_document(await statement(world, closed, party))
            assert verify(document, RecordsFolder(world.records)).difference is None


async def test_a_trial_counts_the_rewards_of_the_proposal(world: World) -> None:
    await bring(world, *(world.record(scene="checkout") for _ in range(100)))
    reward = {"party": "operator", "fixed": "0.01", "per": "call", "scene": "checkout"}
    async with world.database.unit(world.actor(world.operator)) as unit:
        proposed = await agreements.propose(
            unit,
            product=world.accounts,
            effective_from=world.database.clock.now(),
            currency="CNY",
            shares=[{"party": "member", "weight": 10_000}, reward],
        )
    tried = await try_agreement(world.database, world.lake, proposed.id, "2026-11", world.operator)
    found = {each.party: (each.today_minor, each.proposed_minor) for each in tried.results}
    assert found[world.operator] == (0, 100)
    assert found[world.bank] == (150, 50)
