"""A closed period opened again: reversed and never edited, settled anew to the minor unit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from money_world import World
from sqlalchemy import func, select, text
from test_closing import agree, balances, bring, close, now_us, refused, statement
from test_settlement import closed_month, doing, line, pay, settle

from waits import until
from weir.audit.tables import audit_entries
from weir.kernel.declares import FORBIDDEN, ILLEGAL_STATE, INVALID_INPUT
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.ledger.tables import postings
from weir.settlement.closing import reopenings
from weir.settlement.closing.reopenings import Reopening
from weir.settlement.closing.requests import ClosingJob
from weir.settlement.documents import to_document
from weir.settlement.payment_tables import obligations
from weir.settlement.statements import credits, disputes, statements
from weir.settlement.statements.verification import verify
from weir.store.unit import UnitOfWork

_WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")
REASON = "The price of accounts was entered wrongly."


async def reopen(world: World, by: str = "", reason: str = REASON) -> Reopening:
    async def work(unit: UnitOfWork) -> Reopening:
        return await reopenings.reopen(unit, period=world.period, currency="CNY", reason=reason)

    made: Reopening = await doing(world, by or world.operator, work)
    return made


async def test_reopening_reverses_what_was_posted_and_closing_again_is_the_next_version(
    world: World,
) -> None:
    first = await closed_month(world)
    before = await balances(world)
    made = await reopen(world)
    assert (made.closings, made.reversed_postings) == ([first.closing], 1)
    assert all(money.amount_minor == 0 for (money,) in (await balances(world)).values())
    again = await close(world, world.period)
    assert (again.version, again.supplement, again.is_new) == (2, 0, True)
    assert await balances(world) == before
    old = await statement(world, first, world.bank)
    new = await statement(world, again, world.bank)
    assert (old.version, new.version) == (1, 2)
    assert (new.lines, new.balance_minor) == (old.lines, old.balance_minor)
    assert "version" not in to_document(old)
    for held in (old, new):
        assert verify(to_document(held), world.lake).difference is None
    async with world.database.connect() as connection:
        rows = await statements.of_party(connection, world.bank)
        assert [(row.version, row.reopened_at is None) for row in rows] == [(2, True), (1, False)]
        assert await statements.reopening_reason(connection, old.statement) == REASON
        assert await statements.reopening_reason(connection, new.statement) is None
        reversed_ = select(func.count()).where(postings.c.reverses.is_not(None))
        assert await connection.scalar(reversed_) == 1


async def test_a_supplement_is_reversed_too_and_the_next_version_holds_both(world: World) -> None:
    await closed_month(world, 100)
    at_us = now_us(world)
    await bring(world, *(world.record(at_us=at_us) for _ in range(200)))
    late = await close(world, world.period)
    made = await reopen(world)
    assert (len(made.closings), made.reversed_postings) == (2, 2)
    again = await close(world, world.period)
    held = await statement(world, again, world.operator)
    assert (held.version, held.supplement, held.gross_minor) == (2, 0, 450)
    assert late.supplement == 1
    assert verify(to_document(held), world.lake).difference is None


async def test_what_was_paid_already_comes_back_through_the_next_round(world: World) -> None:
    await closed_month(world)
    await pay(world, await settle(world))
    await reopen(world)
    back = await settle(world)
    assert {(each.debtor, each.creditor, each.amount_minor) for each in back.payments} == {
        (world.bank, world.partner, 1_050),
        (world.operator, world.partner, 375),
    }
    await pay(world, back)
    await close(world, world.period)
    await pay(world, await settle(world))
    held = await balances(world)
    for account, (money,) in held.items():
        if account.split(":")[0] in ("receivable", "payable"):
            assert money == Money(0, "CNY"), account


async def test_debts_that_were_not_settled_cancel_out(world: World) -> None:
    await closed_month(world)
    await reopen(world)
    await close(world, world.period)
    async with world.database.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(obligations)) == 9
    settled = await settle(world)
    assert sum(each.amount_minor for each in settled.payments) == 1_425


async def test_a_credit_stays_given_and_an_old_line_takes_no_more(world: World) -> None:
    closed = await closed_month(world)

    async def refund(unit: UnitOfWork) -> None:
        await credits.grant(unit, await line(unit, world, closed, world.bank), 50, "slow")

    await doing(world, world.bank, refund)
    await reopen(world)
    assert (await balances(world))[f"receivable:{world.partner}"] == [Money(-50, "CNY")]
    await refused(ILLEGAL_STATE, doing(world, world.bank, refund))


async def test_a_disputed_period_stays_closed(world: World) -> None:
    closed = await closed_month(world)
    await doing(world, world.partner, dispute_of(world, closed, world.partner))
    await refused(ILLEGAL_STATE, reopen(world))


def dispute_of(
    world: World, closed: ClosingJob, party: str
) -> Callable[[UnitOfWork], Awaitable[Any]]:
    async def dispute(unit: UnitOfWork) -> Any:
        at = await line(unit, world, closed, party)
        return await disputes.open_dispute(unit, at, "not as many", "")

    return dispute


async def somebody_waits(world: World) -> None:
    """Until a transaction of this database waits for what another one holds."""

    async def waits() -> Any:
        async with world.database.connect() as connection:
            return await connection.scalar(_WAITING)

    await until(waits)


async def test_a_dispute_that_was_first_keeps_the_period_closed(world: World) -> None:
    closed = await closed_month(world)
    async with world.database.unit(world.actor(world.partner)) as unit:
        await dispute_of(world, closed, world.partner)(unit)
        opening_again = asyncio.create_task(reopen(world))
        await somebody_waits(world)
    await refused(ILLEGAL_STATE, opening_again)


async def test_a_reopening_that_was_first_leaves_no_line_to_dispute(world: World) -> None:
    closed = await closed_month(world)
    async with world.database.unit(world.actor(world.operator)) as unit:
        await reopenings.reopen(unit, period=world.period, currency="CNY", reason=REASON)
        work = dispute_of(world, closed, world.partner)
        disputed = asyncio.create_task(doing(world, world.partner, work))
        await somebody_waits(world)
    await refused(ILLEGAL_STATE, disputed)
    async with world.database.connect() as connection:
        assert await disputes.of_party(connection, world.partner, world.operator) == []


async def test_only_the_operator_reopens_and_says_why(world: World) -> None:
    await refused(ILLEGAL_STATE, reopen(world))
    await closed_month(world)
    for party in (world.bank, world.partner):
        await refused(FORBIDDEN, reopen(world, by=party))
    with pytest.raises(Refusal) as refusal:
        await reopen(world, reason="")
    assert refusal.value.outcome is INVALID_INPUT
    made = await reopen(world)
    await refused(ILLEGAL_STATE, reopen(world))
    async with world.database.connect() as connection:
        told = await connection.execute(
            select(audit_entries.c.organisation, audit_entries.c.detail).where(
                audit_entries.c.event == "period.reopened"
            )
        )
        rows = {row.organisation: row.detail for row in told}
        assert await reopenings.listed(connection) == [made]
    assert set(rows) == {world.operator, world.bank, world.partner}
    assert all(REASON in str(detail) for detail in rows.values())


async def test_after_an_agreement_changed_the_new_version_still_splits_by_its_own_time(
    world: World,
) -> None:
    await closed_month(world)
    await agree(world, shares=[{"party": "member", "weight": 10_000}])
    await reopen(world)
    held = await statement(world, await close(world, world.period), world.operator)
    assert [share.amount_minor for share in held.lines[0].shares] == [1_050, 375, 75]
