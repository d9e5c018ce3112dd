"""Each refusal that a step can give; of two, the one of the upper step in the table."""

from __future__ import annotations

import pytest
from ciba_support import Asker
from consent_world import Browser, World
from refusal_faults import Row
from refusal_support import Attempt, Parties, attempt_at
from refusal_table import ELSEWHERE, ROWS
from step_outcomes import outcomes_of

from weir.authorization.declares import OAUTH_AUTHORIZATION_PENDING
from weir.authorization.pipeline import STEPS, TABLE, Endpoint
from weir.keys.vault import PLATFORM
from weir.partners import applications, organisations


@pytest.fixture
async def parties(world: World, portal_browser: Browser) -> Parties:
    asker = Asker(world, portal_browser)
    await asker.register("poll")
    made = await Parties.of_world(world, asker)
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.set_backchannel(
            unit, made.of["pinged"].id, "ping", "https://shop.example/ciba"
        )
        for name in ("suspended", "roleless", "signer", "stopped"):
            await applications.set_backchannel(unit, made.of[name].id, "poll", None)
        await applications.suspend(unit, made.of["suspended"].id)
        await organisations.suspend(unit, made.of["stopped"].application.organisation)
    return made


def test_no_refusal_of_a_step_is_missing() -> None:
    written = {(row.step, row.outcome) for row in ROWS}
    possible = {(step, outcome) for _, step in TABLE for outcome in outcomes_of(step)}
    named = {(step.__name__, outcome.code) for step, outcome in possible - written - set(ELSEWHERE)}
    assert not named
    unknown = {(step.__name__, outcome.code) for step, outcome in written - possible}
    assert not unknown
    assert not written & set(ELSEWHERE)


def test_the_rows_stand_in_the_order_of_the_steps() -> None:
    order = [step for _, step in TABLE]
    places = [order.index(row.step) for row in ROWS]
    assert places == sorted(places)


def rows_of(endpoint: Endpoint) -> list[Row]:
    steps = STEPS[endpoint]
    return [row for row in ROWS if row.step in steps and (not row.only or endpoint in row.only)]


async def spoil(attempt: Attempt, *rows: Row) -> None:
    """Another client's first, then the lower ones before the upper ones."""
    for row in sorted(rows, key=lambda row: (not row.who, -ROWS.index(row))):
        waiting = row.spoil(attempt)
        if waiting is not None:
            await waiting


def pairs_of(rows: list[Row]) -> list[tuple[Row, Row]]:
    """Each row with the next one that is of another step."""
    together = [row for row in rows if not row.alone]
    return [
        (upper, next(low for low in together[n:] if low.step is not upper.step))
        for n, upper in enumerate(together)
        if any(low.step is not upper.step for low in together[n:])
    ]


@pytest.mark.parametrize("endpoint", Endpoint, ids=lambda each: each.name)
async def test_each_fault_is_refused_by_its_own_step_and_the_upper_of_two_first(
    parties: Parties, endpoint: Endpoint
) -> None:
    good = await (await attempt_at(parties, endpoint)).refused()
    assert good is None or good[1] is OAUTH_AUTHORIZATION_PENDING
    wrong = []
    rows = rows_of(endpoint)
    for faults in [*((row,) for row in rows), *pairs_of(rows)]:
        attempt = await attempt_at(parties, endpoint)
        await spoil(attempt, *faults)
        refused = await attempt.refused()
        if refused != (faults[0].step, faults[0].outcome):
            named = [(row.step.__name__, row.outcome.code) for row in faults]
            wrong.append((named, refused and (refused[0].__name__, refused[1].code)))
    assert not wrong
