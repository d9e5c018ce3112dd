"""The calls behind a line on request, and statements as CSV: they say what the line says."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from money_world import NOVEMBER_US, World
from test_closing import agree, bring, close, now_us, refused, statement

from weir.kernel.declares import INVALID_INPUT, NOT_FOUND, PAGE_ROWS
from weir.settlement.statements.csv_export import COLUMNS, to_csv
from weir.settlement.statements.line_calls import LineCall, list_calls


async def behind(world: World, held: str, number: int, viewer: str) -> list[LineCall]:
    """All pages."""
    found: list[LineCall] = []
    after = ""
    while True:
        page = await list_calls(world.database, world.lake, held, number, viewer, after)
        found += page
        if len(page) < PAGE_ROWS:
            return found
        after = page[-1].id


async def test_the_calls_behind_each_line_are_those_it_counts(world: World) -> None:
    """One line before an agreement, one under it, one of another product; each its own calls."""
    before = [world.record(at_us=now_us(world) - 60_000_000) for _ in range(3)]
    await agree(world)
    at_us = now_us(world)
    under = [world.record(at_us=at_us + n, status=404 if n % 3 else 200) for n in range(250)]
    policies = {"product": world.policies, "plan": world.policies_plan, "member": world.insurer}
    other = [world.record(at_us=at_us, **policies), world.record(at_us=at_us, product=None)]
    outside = [world.record(at_us=NOVEMBER_US - 90 * 86_400_000_000)]
    await bring(world, *before, *under, *other, *outside)
    closed = await close(world, world.period)
    held = await statement(world, closed, world.operator)
    wanted = {each.interaction_id for each in (*before, *under, other[0])}
    seen: set[str] = set()
    for number, line in enumerate(held.lines, start=1):
        found = await behind(world, held.statement, number, world.operator)
        assert len(found) == line.calls
        assert sum(each.billable for each in found) == line.billable_calls
        seen |= {each.interaction_id for each in found}
    assert seen == wanted
    assert sorted(line.calls for line in held.lines) == [1, 3, 250]


async def test_a_supplement_shows_its_own_calls_only(world: World) -> None:
    await bring(world, *(world.record() for _ in range(5)))
    await close(world, "2026-11")
    late = [world.record() for _ in range(2)]
    await bring(world, *late)
    held = await statement(world, await close(world, "2026-11"), world.partner)
    found = await behind(world, held.statement, 1, world.partner)
    assert {each.interaction_id for each in found} == {each.interaction_id for each in late}


async def test_a_stranger_sees_nothing_and_a_line_must_be_there(world: World) -> None:
    await bring(world, world.record())
    held = await statement(world, await close(world, "2026-11"), world.bank)
    await refused(NOT_FOUND, behind(world, held.statement, 1, world.insurer))
    await refused(INVALID_INPUT, behind(world, held.statement, 2, world.bank))


async def test_declined_calls_are_billable_where_it_is_agreed(world: World) -> None:
    await agree(world, billable="answered")
    at_us = now_us(world)
    statuses = (200, 404, 500)
    await bring(world, *(world.record(at_us=at_us, status=status) for status in statuses))
    held = await statement(world, await close(world, world.period), world.bank)
    found = await behind(world, held.statement, 1, world.bank)
    assert {each.status: (each.ending, each.billable) for each in found} == {
        200: ("succeeded", True),
        404: ("declined", True),
        500: ("failed", False),
    }


@pytest.mark.parametrize("minimum", [None, "900"])
async def test_every_column_of_the_csv_sums_to_the_statement(
    world: World, minimum: str | None
) -> None:
    shares = [{"party": "member", "weight": 7_500}, {"party": "operator", "weight": 2_500}]
    if minimum:
        shares.append({"party": "member", "minimum": minimum, "paid_by": "operator"})
    await agree(world, shares=shares)
    await bring(world, *(world.record(at_us=now_us(world)) for _ in range(77)))
    held = await statement(world, await close(world, world.period), world.bank)
    text = to_csv(held)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.startswith(",".join(COLUMNS) + "\r\n")
    gross = sum(Decimal(row["gross"] or 0) for row in rows) * 100
    assert gross == held.gross_minor
    assert sum(Decimal(row["share"] or 0) for row in rows) * 100 == held.sum_of_shares_minor
    assert sum(int(row["calls"] or 0) for row in rows) == sum(line.calls for line in held.lines)
    assert {row["statement"] for row in rows} == {held.statement}
    own = sum(Decimal(row["share"]) for row in rows if row["share_of"] == world.bank)
    assert own * 100 == held.is_owed_minor
