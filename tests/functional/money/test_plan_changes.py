"""Plans that change: from a day to come, after the notice, and rated by the version of the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from money_world import NOW, World, mint
from sqlalchemy import insert, update
from test_closing import bring, close, now_us, refused, statement

from weir.kernel.clock import SystemClock
from weir.kernel.declares import ILLEGAL_STATE, INVALID_INPUT
from weir.settlement.documents import to_document
from weir.settlement.periods.periods import interval
from weir.settlement.statements.line_calls import list_calls
from weir.settlement.statements.verification import RecordsFolder, verify
from weir.shelf import price_changes
from weir.shelf.price_changes import PlanChange
from weir.shelf.pricing import read_pricing
from weir.shelf.tables import plan_changes, subscriptions

DEARER = {"components": [{"kind": "per_call", "price": "0.03"}]}


@dataclass(frozen=True)
class Ahead(SystemClock):
    """Shows a time to come."""

    by: timedelta

    def now(self) -> datetime:
        return super().now() + self.by


async def change(
    world: World, effective_from: datetime, pricing: dict[str, Any] = DEARER
) -> PlanChange:
    async with world.database.unit(world.actor(world.bank)) as unit:
        read = read_pricing(pricing)
        return await price_changes.announce(unit, world.accounts_plan, read, effective_from)


async def take_back(world: World) -> PlanChange:
    async with world.database.unit(world.actor(world.bank)) as unit:
        return await price_changes.take_back(unit, world.accounts_plan)


async def subscribe(world: World, status: str = "active") -> None:
    async with world.database.unit(world.actor(world.partner)) as unit:
        await unit.connection.execute(
            insert(subscriptions).values(
                id=mint("sub"),
                application=world.application,
                subscriber=world.partner,
                owner=world.bank,
                product=world.accounts,
                plan=world.accounts_plan,
                status=status,
                requested_at=NOW,
                changed_at=NOW,
                activated_at=NOW,
            )
        )


async def test_calls_before_and_after_are_charged_by_the_version_of_their_time(
    world: World,
) -> None:
    turn = world.database.clock.now() + timedelta(hours=1)
    made = await change(world, turn)
    assert made.version == 2
    turn_us = int(turn.timestamp() * 1_000_000)
    before = [world.record(at_us=turn_us - 1 - n) for n in range(100)]
    after = [world.record(at_us=turn_us + n) for n in range(50)]
    await bring(world, *before, *after)
    now = world.database.clock.now()
    world.database.clock = Ahead(timedelta(hours=2))
    closed = await close(world, interval(now - timedelta(days=1), now + timedelta(days=2)))
    for party in closed.statements:
        held = await statement(world, closed, party)
        assert [(line.plan_version, line.calls, line.gross_minor) for line in held.lines] == [
            (1, 100, 150),
            (2, 50, 150),
        ]
        assert verify(to_document(held), RecordsFolder(world.records)).difference is None
    for number, calls in ((1, before), (2, after)):
        found = await list_calls(world.database, world.lake, held.statement, number, held.party)
        assert {each.interaction_id for each in found} == {each.interaction_id for each in calls}


@pytest.mark.parametrize("status", ["requested", "active", "suspended"])
async def test_whoever_subscribed_keeps_the_price_for_the_notice(world: World, status: str) -> None:
    await subscribe(world, status)
    now = world.database.clock.now()
    await refused(INVALID_INPUT, change(world, now + timedelta(days=30)))
    made = await change(world, now + timedelta(days=30, minutes=1))
    assert made.version == 2


async def test_versions_come_one_after_another_and_never_in_the_past(world: World) -> None:
    now = world.database.clock.now()
    await refused(INVALID_INPUT, change(world, now))
    await change(world, now + timedelta(days=2))
    await refused(INVALID_INPUT, change(world, now + timedelta(days=1)))
    await refused(INVALID_INPUT, change(world, now.replace(tzinfo=None) + timedelta(days=3)))
    assert (await change(world, now + timedelta(days=3))).version == 3


async def test_what_is_not_in_force_yet_can_be_taken_back(world: World) -> None:
    await refused(ILLEGAL_STATE, take_back(world))
    made = await change(world, world.database.clock.now() + timedelta(days=2))
    assert await take_back(world) == made
    await change(world, world.database.clock.now() + timedelta(days=2))
    async with world.database.unit(world.actor(world.bank)) as unit:
        await unit.connection.execute(update(plan_changes).values(effective_from=NOW))
    await refused(ILLEGAL_STATE, take_back(world))


async def test_a_price_that_is_only_announced_is_in_no_statement(world: World) -> None:
    """It may be taken back, and closing the period goes on as if it had never been."""
    now = world.database.clock.now()
    period = interval(now - timedelta(days=1), now + timedelta(days=3))
    await change(world, now + timedelta(days=2))
    await bring(world, world.record(at_us=now_us(world)), world.record(at_us=now_us(world) + 1))
    first = await statement(world, await close(world, period), world.operator)
    assert [plan.changes for plan in first.inputs.plans] == [[]]
    await take_back(world)
    await bring(world, *(world.record(at_us=now_us(world)) for _ in range(8)))
    late = await statement(world, await close(world, period), world.operator)
    assert (first.gross_minor, late.gross_minor) == (3, 12)
    for held in (first, late):
        assert verify(to_document(held), RecordsFolder(world.records)).difference is None
