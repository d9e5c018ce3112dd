"""Several institutions under one price: a tier is reached once, each has its lines, all verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from money_world import NOW, World, mint
from sqlalchemy import insert
from test_closing import agree, balances, bring, close, now_us, statement
from test_party_bundles import fetch
from test_settlement import pay, settle

from weir.kernel.money import Money
from weir.settlement.closing.requests import ClosingJob
from weir.settlement.documents import Statement, to_document
from weir.settlement.statements.party_bundles import verify_bundle
from weir.settlement.statements.verification import RecordsFolder, verify
from weir.shelf.tables import plans

SHARES = [
    {"party": "member", "weight": 8_000},
    {"party": "operator", "weight": 2_000},
    {"party": "partner", "fixed": "0.002", "per": "call"},
]
TIERED = {
    "kind": "tiered",
    "tiers": [{"up_to": 1_000, "price": "0.02"}, {"up_to": None, "price": "0.01"}],
}
FLAT = {"kind": "per_call", "price": "0.02"}


async def traded(world: World, pricing: dict[str, Any]) -> ClosingJob:
    """One product of the bank's: the bank serves 900 calls of it, and the insurer 300."""
    plan = mint("pln")
    async with world.database.unit(world.actor(world.bank)) as unit:
        await unit.connection.execute(
            insert(plans).values(
                id=plan,
                product=world.accounts,
                name="Together",
                currency="CNY",
                pricing={"components": [pricing]},
                auto_approve=True,
                status="offered",
                offered_at=NOW,
            )
        )
    await agree(world, shares=SHARES)
    at_us = now_us(world)
    calls = [
        world.record(at_us=at_us + n, plan=plan, member=world.insurer if n % 4 == 3 else world.bank)
        for n in range(1_200)
    ]
    await bring(world, *calls)
    return await close(world, world.period)


async def held_by_all(world: World, closed: ClosingJob) -> dict[str, Statement]:
    assert set(closed.statements) == {world.operator, world.bank, world.insurer, world.partner}
    return {party: await statement(world, closed, party) for party in closed.statements}


async def test_a_joint_product_is_priced_as_one_and_shared_by_who_served(world: World) -> None:
    """1,200 calls are 20 + 2 yuan: three quarters of that are the bank's line, a quarter the
    insurer's, and of each line 0.002 a call come off for the partner before the per cents.
    """
    held = await held_by_all(world, await traded(world, TIERED))
    lines = {line.member: line for line in held[world.operator].lines}
    found = {
        member: (line.calls, line.gross_minor, [share.amount_minor for share in line.shares])
        for member, line in lines.items()
    }
    assert found == {
        world.bank: (900, 1_650, [1_176, 294, 180]),
        world.insurer: (300, 550, [392, 98, 60]),
    }
    assert [line.member for line in held[world.insurer].lines] == [world.insurer]
    for one in held.values():
        for source in (RecordsFolder(world.records), world.lake):
            assert verify(to_document(one), source).difference is None
    await pay(world, await settle(world))
    left = await balances(world)
    assert left.pop(f"cash:{world.operator}") == [Money(392, "CNY")]
    assert left.pop(f"revenue:{world.operator}") == [Money(-392, "CNY")]
    assert set(map(tuple, left.values())) == {(Money(0, "CNY"),)}


@pytest.mark.parametrize("alone", [True, False])
async def test_a_bundle_of_one_institution_is_enough_unless_all_calls_count(
    world: World, tmp_path: Path, alone: bool
) -> None:
    held = await held_by_all(world, await traded(world, FLAT if alone else TIERED))
    for party, one in held.items():
        bundle = await fetch(world, one, tmp_path / party)
        sees_all = party in (world.operator, world.partner)
        assert verify_bundle(bundle.folder).holds == (alone or sees_all), party
