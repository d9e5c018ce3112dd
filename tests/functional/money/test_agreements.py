"""Agreements: proposed, accepted by all, in force from then on and never before."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from acceptance_signatures import authority, hand_of
from money_world import NOVEMBER_US, World, mint
from msgspec.structs import replace
from sqlalchemy import func, select

from weir.agreements import agreements, signatures
from weir.agreements.agreements import Agreement
from weir.kernel.declares import (
    CONFLICT,
    FORBIDDEN,
    ILLEGAL_STATE,
    INVALID_INPUT,
    LIMIT_REACHED,
    NOT_FOUND,
)
from weir.kernel.outcomes import Outcome, Refusal
from weir.kernel.strict_json import canonical
from weir.settlement.closing.what_if import try_agreement
from weir.settlement.tables import closings

SPLIT = [{"party": "member", "weight": 8_000}, {"party": "operator", "weight": 2_000}]


async def propose(world: World, by: str, **terms: Any) -> Agreement:
    """Propose, and sign where one's own signature is needed."""
    given = {
        "product": world.accounts,
        "effective_from": world.database.clock.now(),
        "currency": "CNY",
        "shares": SPLIT,
    }
    async with world.database.unit(world.actor(by)) as unit:
        made = await agreements.propose(unit, **(given | terms))
    return await accept(world, by, made) if by in made.needed else made


async def accept(
    world: World, by: str, agreement: Agreement, terms: str | None = None, hand: str | None = None
) -> Agreement:
    signer = hand_of(hand or by)
    signature = signer.sign(terms or agreement.terms())
    async with world.database.unit(world.actor(by)) as unit:
        return await agreements.accept(
            unit,
            agreement.id,
            signature,
            application=unit.actor.subject,
            certificate_pem=signer.certificate,
        )


async def counter(world: World, by: str, agreement: Agreement, **terms: Any) -> Agreement:
    given = {"effective_from": world.database.clock.now(), "shares": SPLIT} | terms
    async with world.database.unit(world.actor(by)) as unit:
        made = await agreements.counter(unit, agreement.id, **given)
    return await accept(world, by, made) if by in made.needed else made


async def end(world: World, by: str, agreement: Agreement) -> Agreement:
    async with world.database.unit(world.actor(by)) as unit:
        return await agreements.end(unit, agreement.id)


async def in_force(world: World, at: datetime, currency: str = "CNY") -> str | None:
    async with world.database.connect() as connection:
        found = await agreements.find_in_force(connection, world.accounts, at, currency)
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


async def test_a_product_has_so_many_versions_of_its_agreement_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.agreements.agreements.AGREEMENT_VERSIONS", 2)
    for _ in range(2):
        await propose(world, world.operator)
    await refused(LIMIT_REACHED, propose(world, world.operator))


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
    assert declined.status(world.database.clock.now()) == "declined"
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


async def test_a_counter_declines_the_proposal_and_is_the_next_version(world: World) -> None:
    first = await propose(world, world.operator)
    other = [{"party": "member", "weight": 9_000}, {"party": "operator", "weight": 1_000}]
    answer = await counter(world, world.bank, first, shares=other)
    assert (answer.version, answer.counters, answer.proposed_by) == (2, first.id, world.bank)
    assert (answer.currency, answer.accepted) == (first.currency, (world.bank,))
    third = await counter(world, world.operator, answer)
    await refused(ILLEGAL_STATE, accept(world, world.bank, answer))
    await refused(ILLEGAL_STATE, counter(world, world.bank, answer))
    held = await accept(world, world.bank, third)
    now = world.database.clock.now()
    async with world.database.connect() as connection:
        chain = await agreements.of_product(connection, world.accounts, world.bank)
    assert [(a.version, a.counters, a.proposed_by, a.status(now)) for a in chain] == [
        (3, answer.id, world.operator, "in_force"),
        (2, first.id, world.bank, "declined"),
        (1, None, world.operator, "declined"),
    ]
    await refused(ILLEGAL_STATE, counter(world, world.bank, held))


async def test_whoever_is_named_may_counter_and_a_stranger_may_not(world: World) -> None:
    split = [{"party": "member", "weight": 9_000}, {"party": world.insurer, "weight": 1_000}]
    proposed = await propose(world, world.bank, shares=split)
    await refused(NOT_FOUND, counter(world, world.partner, proposed))
    await refused(INVALID_INPUT, counter(world, world.insurer, proposed, shares=[]))
    answer = await counter(world, world.insurer, proposed, shares=split)
    assert answer.counters == proposed.id


async def test_every_acceptance_is_a_signature_that_holds_offline(world: World) -> None:
    held = await accept(world, world.bank, await propose(world, world.operator))
    kept = msgspec.to_builtins(
        {"terms": held.terms(), "signatures": held.signatures, "id": held.id}
    )
    read = signatures.read(kept)
    checked = signatures.check(read, _authority())
    assert checked.faults == {}
    assert checked.agreement == held.id
    assert set(checked.signed_by) == {world.bank, world.operator}
    strangers = signatures.check(read, authority("another").certificate.encode())
    assert set(strangers.faults) == {world.bank, world.operator}
    one = signatures.check(replace(read, signatures=read.signatures[:1]), _authority())
    assert one.faults == {world.bank: "has not signed"}
    other = json.loads(read.terms) | {"rounding": "up"}
    changed = replace(read, terms=canonical(other).decode())
    assert set(signatures.check(changed, _authority()).faults) == {world.bank, world.operator}
    with pytest.raises(ValueError, match="canonical"):
        signatures.check(replace(read, terms=read.terms + " "), _authority())


def _authority() -> bytes:
    return authority("alliance").certificate.encode()


async def test_a_signature_under_other_terms_or_by_another_hand_is_refused(world: World) -> None:
    first = await propose(world, world.operator)
    second = await propose(world, world.operator)
    other = canonical(json.loads(second.terms()) | {"billable": "answered"}).decode()
    for terms in (first.terms(), other):
        await refused(INVALID_INPUT, accept(world, world.bank, second, terms=terms))
    await refused(INVALID_INPUT, accept(world, world.bank, second, hand=world.insurer))
    whole = hand_of(world.bank)
    for jws in ("", "..", "a.b.c", whole.sign(second.terms()) + "x"):
        with pytest.raises(Refusal) as refusal:
            async with world.database.unit(world.actor(world.bank)) as unit:
                await agreements.accept(
                    unit,
                    second.id,
                    jws,
                    application=unit.actor.subject,
                    certificate_pem=whole.certificate,
                )
        assert refusal.value.outcome is INVALID_INPUT
    async with world.database.connect() as connection:
        assert (await agreements.fetch(connection, second.id)).accepted == (world.operator,)


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
