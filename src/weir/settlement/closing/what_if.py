"""Replay of a past period under an agreement that is not signed yet. Writes nothing.

The period's records are counted once and priced twice, by the very lines a closing makes: as it is
today, and as if the tried agreement had been the product's only one all the time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements import agreements
from weir.agreements.agreements import Agreement
from weir.kernel.clock import moment
from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.metering.lake.lake import Lake
from weir.settlement.closing.closing import (
    agreement_input,
    boundaries,
    inputs_of,
    plans_offered,
    standing_in,
)
from weir.settlement.documents import AgreementInput, Inputs, Line, PlanInput
from weir.settlement.periods import open_segments
from weir.settlement.periods.open_segments import Unclosed
from weir.settlement.periods.periods import Period, parse_period
from weir.settlement.rating.in_force import is_monthly, priced
from weir.settlement.rating.rewards import Rewards, count_rewards, reward_terms
from weir.settlement.rating.usage import Slice, Usage, count_lake, slices
from weir.settlement.statements.lines import lines
from weir.store.database import Database


@dataclass(frozen=True, slots=True)
class Result:
    """A party's balance for a product: its shares less what it owes, in minor units."""

    party: str
    today_minor: int
    proposed_minor: int
    difference_minor: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A product's period under a tried agreement, beside the agreements in force.

    `records` counts the product's calls.
    """

    agreement: str
    product: str
    period: str
    currency: str
    records: int
    results: list[Result]


async def try_agreement(
    database: Database, lake: Lake, agreement: str, period: str, viewer: str
) -> Trial:
    """Replay a period under an agreement; a party gets its own result, the operator all.

    Refusals: INVALID_INPUT, NOT_FOUND (also when the viewer is not a party of the agreement),
    ILLEGAL_STATE when the lake lacks records it should hold.
    """
    wanted = parse_period(period)
    now = database.clock.now()
    async with database.connect() as connection:
        tried = await agreements.seen_by(connection, agreement, viewer)
        operator = await agreements.operator_of(connection)
        found = await open_segments.find(connection, wanted, None)
        known = await agreements.between(connection, wanted.since, wanted.until, tried.currency)
        offered = await plans_offered(connection, now)
    parts = slices(wanted.since, wanted.until, boundaries(known, offered))
    counted = await asyncio.to_thread(count_lake, lake, found, parts, priced(offered))
    if counted.held != found.records:
        raise Refusal(ILLEGAL_STATE, "the lake does not hold what was ingested")
    usage = [each for each in counted.usage if each.key.product == tried.product]
    rewards = await asyncio.to_thread(_rewards, lake, found, wanted, map(agreement_input, known))
    tried_rewards = await asyncio.to_thread(_rewards, lake, found, wanted, [as_if(tried, wanted)])
    async with database.connect() as connection:
        own = [each for each in offered if each.product == tried.product]
        inputs = await _inputs(connection, wanted, tried.product, operator, known, own, usage)
    today = Side(inputs, rewards)
    then = Side(replace(inputs, agreements=[as_if(tried, wanted)]), tried_rewards)
    results = compare(usage, parts, tried.currency, today, then)
    seen = [each for each in results if viewer in (operator, each.party)]
    return Trial(
        tried.id, tried.product, wanted.name, tried.currency, sum(u.calls for u in usage), seen
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison: its inputs, and how often its rewards are earned."""

    inputs: Inputs
    rewards: Rewards


def compare(
    usage: Sequence[Usage], parts: Sequence[Slice], currency: str, now: Side, then: Side
) -> list[Result]:
    """Compare each party's result today and under the tried agreement, by party. Pure."""
    today = _balances(lines(usage, now.inputs, currency, parts, now.rewards))
    tried = _balances(lines(usage, then.inputs, currency, parts, then.rewards))
    return [
        Result(party, today[party], tried[party], tried[party] - today[party])
        for party in sorted({*today, *tried})
    ]


def _rewards(
    lake: Lake, found: Unclosed, period: Period, agreed: Iterable[AgreementInput]
) -> Rewards:
    return count_rewards(lake, found, reward_terms(agreed, period.since, period.until))


def as_if(agreement: Agreement, period: Period) -> AgreementInput:
    """Return the agreement as if it had been in force for the whole period."""
    since, until = moment(period.since), moment(period.until)
    return replace(agreement_input(agreement, since), ended_at=until)


def _balances(made: Iterable[Line]) -> Counter[str]:
    """Return by party its shares less the gross and tax it owes, in minor units."""
    found: Counter[str] = Counter()
    for line in made:
        found[line.partner] -= line.gross_minor + line.tax_minor
        for share in line.shares:
            found[share.party] += share.amount_minor
    return found


async def _inputs(
    connection: AsyncConnection,
    period: Period,
    product: str,
    operator: str,
    known: Iterable[Agreement],
    offered: Sequence[PlanInput],
    usage: Iterable[Usage],
) -> Inputs:
    """Return the inputs of the product's lines today; `offered` are the product's plans."""
    used = {(each.key.plan, each.key.product) for each in usage}
    monthly = [each.plan for each in offered if is_monthly(each)]
    standing = await standing_in(connection, period, monthly)
    own = [each for each in known if each.product == product]
    return inputs_of(operator, own, offered, standing, [], used)
