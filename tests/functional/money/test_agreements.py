"""Agreements: proposed, accepted by all, in force from then on and never before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from money_world import NOVEMBER_US, World, mint
from sqlalchemy import func, select

from weir.alliance import agreements
from weir.alliance.agreements import Agreement
from weir.kernel.outcomes import (
    CONFLICT,
    FORBIDDEN,
    ILLEGAL_STATE,
    INVALID_INPUT,
    NOT_FOUND,
    Outcome,
    Refusal,
)
from weir.settlement.tables import closings
from weir.settlement.trying import try_agreement

SPLIT = [{"party": "member", "weight": 8_000}, {"party": "operator", "weight": 2_000}]


async def propose(world: World, by: str, **terms: Any) -> Agreement:
    given = {
        "product": world.accounts,
        "effective_from": world.database.clock.now(),
        "currency": "CNY",
        "shares": SPLIT,
    }
    async with world.database.unit(world.actor(by)) as unit:
        return await agreements.propose(unit, **(given | terms))


async def accept(world: World, by: str, agreement: Agreement) -> Agreement:
    async with world.database.unit(world.actor(by)) as unit:
        return await agreements.accept(unit, agreement.id)


async def end(world: World, by: str, agreement: Agreement) -> Agreement:
    async with world.database.unit(world.actor(by)) as unit:
        return await agreements.end(unit, agreement.id)


async def in_force(world: World, at: datetime, currency: str = "CNY") -> str | None:
    async with world.database.connect() as connection:
        found = await agreements.in_force(connection, world.accounts, at, currency)
    return found.id if found else None


async def refused(outcome: Outcome, doing: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        await doing
    assert refusal.value.outcome is outcome


async def test_an_agreement_is_in_force_once_the_last_party_has_accepted(world: World) -> None:
    proposed = await propose(world, world.operator)
    now = world.database.clock.now()
    assert (proposed.version, proposed.status(now)) == (1, "proposed")
    assert proposed.needed == tuple(sorted([world.bank, world.operator]))
    assert proposed.accepted == (world.operator,)
    assert await in_force(world, now + timedelta(days=1)) is None
    held = await accept(world, world.bank, proposed)
    assert held.effective_at is not None
    assert held.effective_at > now
    assert held.status(held.effective_at) == "in_force"
    assert await in_force(world, held.effective_at) == proposed.id
    assert await in_force(world, held.effective_at - timedelta(microseconds=1)) is None
    assert await in_force(world, held.effective_at, "USD") is None


async def test_accepting_twice_changes_nothing(world: World) -> None:
    proposed = await propose(world, world.bank)
    first = await accept(world, world.operator, proposed)
    assert await accept(world, world.operator, proposed) == first


async def test_an_agreement_for_a_later_day_waits_for_it(world: World) -> None:
    day = world.database.clock.now() + timedelta(days=30)
    held = await accept(world, world.bank, await propose(world, world.operator, effective_from=day))
    assert held.effective_at == day
    assert await in_force(world, day - timedelta(seconds=1)) is None
    assert await in_force(world, day) == held.id


async def test_a_new_version_ends_the_one_before_it(world: World) -> None:
    first = await accept(world, world.bank, await propose(world, world.operator))
    day = world.database.clock.now() + timedelta(days=30)
    second = await propose(world, world.bank, effective_from=day)
    assert await in_force(world, day) == first.id
    second = await accept(world, world.operator, second)
    assert second.version == 2
    assert await in_force(world, day - timedelta(seconds=1)) == first.id
    assert await in_force(world, day) == second.id


async def test_an_older_proposal_cannot_overtake_a_newer_agreement(world: World) -> None:
    older = await propose(world, world.operator)
    await accept(world, world.operator, await propose(world, world.bank))
    await refused(CONFLICT, accept(world, world.bank, older))


async def test_a_third_party_that_is_named_must_accept_too(world: World) -> None:
    split = [{"party": "member", "weight": 9_000}, {"party": world.insurer, "weight": 1_000}]
    proposed = await propose(world, world.bank, shares=split)
    await refused(NOT_FOUND, accept(world, world.operator, proposed))
    held = await accept(world, world.insurer, proposed)
    assert held.effective_at is not None


async def test_only_the_owner_and_the_operator_propose(world: World) -> None:
    await refused(FORBIDDEN, propose(world, world.insurer))
    await refused(FORBIDDEN, propose(world, world.partner))
    await refused(NOT_FOUND, propose(world, world.operator, product=mint("prd")))


async def test_wrong_terms_are_refused(world: World) -> None:
    for terms in (
        {"currency": "XXX"},
        {"effective_from": datetime(2026, 12, 1)},  # noqa: DTZ001 - a time without a zone
        {"shares": [{"party": mint("org"), "weight": 10_000}]},
        {"shares": []},
    ):
        await refused(INVALID_INPUT, propose(world, world.operator, **terms))


async def test_a_party_may_decline_or_end_and_a_stranger_may_not(world: World) -> None:
    proposed = await propose(world, world.operator)
    await refused(NOT_FOUND, end(world, world.partner, proposed))
    declined = await end(world, world.bank, proposed)
    assert declined.status(world.database.clock.now()) == "ended"
    await refused(ILLEGAL_STATE, accept(world, world.bank, proposed))
    held = await accept(world, world.bank, await propose(world, world.operator))
    ended = await end(world, world.operator, held)
    assert ended.ended_at is not None
    assert held.effective_at is not None
    assert await in_force(world, held.effective_at) == held.id
    assert await in_force(world, ended.ended_at) is None
    await refused(ILLEGAL_STATE, end(world, world.bank, held))


async def test_agreements_are_seen_by_their_parties_and_the_operator(world: World) -> None:
    proposed = await propose(world, world.bank)
    async with world.database.connect() as connection:
        seen = {
            viewer: await agreements.of_product(connection, world.accounts, viewer)
            for viewer in (world.bank, world.operator, world.partner)
        }
    assert seen == {world.bank: [proposed], world.operator: [proposed], world.partner: []}


async def trial(world: World, viewer: str, agreement: Agreement) -> dict[str, tuple[int, int]]:
    tried = await try_agreement(world.database, world.lake, agreement.id, "2026-11", viewer)
    return {each.party: (each.today_minor, each.proposed_minor) for each in tried.results}


async def test_a_proposal_is_tried_on_past_records_and_each_party_sees_its_own(
    world: World,
) -> None:
    world.write([world.record() for _ in range(1_000)])
    await world.ingest()
    fixed = {"party": world.insurer, "fixed": "3", "per": "month", "paid_by": "operator"}
    proposed = await propose(world, world.operator, shares=[*SPLIT, fixed])
    whole = await trial(world, world.operator, proposed)
    assert whole == {
        world.partner: (-1_500, -1_500),
        world.bank: (1_500, 1_200),
        world.operator: (0, 0),
        world.insurer: (0, 300),
    }
    assert await trial(world, world.bank, proposed) == {world.bank: (1_500, 1_200)}
    await refused(NOT_FOUND, trial(world, world.partner, proposed))
    async with world.database.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(closings)) == 0


async def test_a_trial_is_what_closing_under_the_agreement_would_say(world: World) -> None:
    world.write([world.record(at_us=NOVEMBER_US + n) for n in range(777)])
    await world.ingest()
    proposed = await propose(world, world.operator)
    (bank, *_) = (await trial(world, world.bank, proposed)).values()
    assert bank == (1_166, 933)
