"""Steps of a closing: records become lines, lines become postings, statements and debts.

Each function is one step of a job (`weir.settlement.closing.steps`) and writes in its transaction.
A period is closed over an explicit set of segments. Closing it again without new records returns
the existing statements; records that came late make a supplement with lines, postings and
statements of its own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements import agreements
from weir.agreements.agreements import Agreement
from weir.kernel.clock import moment, read_moment
from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.ledger import books
from weir.ledger.postings import Entry, Posting
from weir.metering.lake.lake import Lake
from weir.settlement.closing import requests
from weir.settlement.declares import CLOSING_LOCK
from weir.settlement.documents import (
    AgreementInput,
    Inputs,
    Line,
    PlanChange,
    PlanInput,
    Records,
    Run,
    Statement,
    SubscriptionInput,
    from_document,
    runs_digest,
    sealed,
    to_json,
)
from weir.settlement.payment.exchange_rates import rates_of
from weir.settlement.periods import open_segments
from weir.settlement.periods.open_segments import Unclosed
from weir.settlement.periods.periods import Period, parse_period
from weir.settlement.rating.in_force import is_monthly as monthly
from weir.settlement.rating.in_force import priced
from weir.settlement.rating.rewards import count_rewards, reward_terms
from weir.settlement.rating.usage import Key, count_lake, slices
from weir.settlement.statements import composition, obligations
from weir.settlement.statements.lines import lines
from weir.settlement.statements.obligations import account_of
from weir.settlement.tables import closing_runs, closings, statements
from weir.shelf.pricing import read_pricing
from weir.shelf.tables import plan_changes, plans, products, subscriptions
from weir.store.bulk_copy import copy_rows
from weir.store.locks import hold
from weir.store.unit import UnitOfWork

# Columns of `statements`, in the order in which `_write_statements` gives their values.
_STATEMENT: Final = (
    "id", "closing", "party", "period", "currency", "supplement", "gross_minor", "balance_minor",
    "sha256", "document", "closed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClosingDraft:
    """A counted and priced period, the input of every later step of its closing.

    `keys` are all keys that had calls, in any currency. `runs` are the segments counted now, and
    `rewarded` the segments over which rewards were counted, empty where nothing is rewarded.
    """

    closing: str
    period: Period
    currency: str
    version: int
    supplement: int
    closed_at: datetime
    inputs: Inputs
    records: int
    keys: list[Key]
    lines: list[Line]
    runs: list[Run]
    rewarded: list[Run]

    def encoded(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(raw: bytes) -> ClosingDraft:
        return msgspec.msgpack.decode(raw, type=ClosingDraft)


async def rate(unit: UnitOfWork, lake: Lake, period: str, currency: str) -> ClosingDraft | str:
    """Choose a period's segments, count and price their calls, and write the closing.

    Return the draft, or the identifier of the period's last closing when there is nothing to add.
    Refusals: CONFLICT when another closed period overlaps this one, ILLEGAL_STATE when the lake
    lacks records it should hold or calls fall under a plan that does not exist.
    """
    wanted = parse_period(period)
    await hold(unit.connection, CLOSING_LOCK, currency)
    earlier = await requests.earlier_closings(unit.connection, wanted, currency)
    found = await open_segments.find(unit.connection, wanted, currency)
    if earlier and not found.runs:
        return str(earlier[-1].id)
    operator = await agreements.operator_of(unit.connection)
    draft = await _rate(unit, lake, wanted, currency, operator, found, earlier)
    if earlier and not draft.lines:
        return str(earlier[-1].id)
    await _write_closing(unit, draft)
    return draft


async def post(unit: UnitOfWork, draft: ClosingDraft) -> None:
    """Book each line as one posting."""
    numbered = enumerate(draft.lines, start=1)
    postings = (
        posting_of(line, f"{draft.closing}/{number}", draft.currency, draft.inputs.operator)
        for number, line in numbered
    )
    await books.post_new(unit, [each for each in postings if each is not None])


async def state(unit: UnitOfWork, draft: ClosingDraft) -> None:
    """Write a statement for every party of a line, and the operator's with all lines."""
    whole = composition.Whole.of(draft.inputs, draft.lines, draft.keys)
    parties = sorted({draft.inputs.operator, *composition.parties_of(draft.lines)})
    await _write_statements(
        unit, draft.closing, (_statement(unit, draft, whole, party) for party in parties)
    )
    detail = {"period": draft.period.name, "currency": draft.currency, "version": draft.version}
    unit.audit("period.closed", draft.closing, detail | {"supplement": draft.supplement})


async def owe(unit: UnitOfWork, draft: ClosingDraft) -> None:
    """Write each line as debts of its partner, one to every party with a share in it."""
    await obligations.write(unit, draft.closing, draft.lines, draft.currency)


async def _version(connection: AsyncConnection, period: Period, currency: str) -> int:
    """Return the version of the period's statements: 1 plus the number of its re-openings."""
    reopened = await connection.scalar(
        select(func.count(closings.c.reopening.distinct()))
        .where(closings.c.currency == currency)
        .where(closings.c.since == period.since, closings.c.until == period.until)
    )
    return 1 + int(reopened or 0)


async def _rate(
    unit: UnitOfWork,
    lake: Lake,
    period: Period,
    currency: str,
    operator: str,
    found: Unclosed,
    earlier: Sequence[Row[Any]],
) -> ClosingDraft:
    """Count the segments' calls and price them on top of the calls of earlier closings."""
    known = await agreements.between(unit.connection, period.since, period.until, currency)
    offered = await plans_offered(unit.connection, unit.now)
    parts = slices(period.since, period.until, boundaries(known, offered))
    counted = await asyncio.to_thread(count_lake, lake, found, parts, priced(offered))
    if counted.held != found.records:
        raise Refusal(ILLEGAL_STATE, "the lake does not hold what was ingested")
    before = await _earlier_lines(unit.connection, operator, earlier)
    used = {(each.key.plan, each.key.product) for each in counted.usage}
    used |= {(each.plan, each.product) for each in before if each.plan is not None}
    standing = await standing_in(unit.connection, period, [p.plan for p in offered if monthly(p)])
    inputs = inputs_of(operator, known, offered, standing, before, used)
    inputs = replace(inputs, rates=await rates_of(unit.connection, currency, unit.now))
    terms = reward_terms(inputs.agreements, period.since, period.until)
    whole = await open_segments.find(unit.connection, period, None) if terms and earlier else found
    rewards = await asyncio.to_thread(count_rewards, lake, whole, terms)
    all_lines = lines(counted.usage, inputs, currency, parts, rewards)
    rewarded = whole.runs if terms else []
    return ClosingDraft(
        closing=unit.mint("per"),
        period=period,
        currency=currency,
        version=await _version(unit.connection, period, currency),
        supplement=len(earlier),
        closed_at=unit.now,
        inputs=inputs,
        records=counted.records,
        keys=sorted({each.key for each in counted.usage}, key=repr),
        lines=all_lines,
        runs=found.runs,
        rewarded=rewarded,
    )


def boundaries(known: Iterable[Agreement], offered: Iterable[PlanInput]) -> Iterator[datetime]:
    """Yield the times at which an agreement begins or ends or a plan's pricing changes.

    A period is cut into slices at the times inside it.
    """
    for each in known:
        yield from (end for end in (each.effective_at, each.ended_at) if end)
    for plan in offered:
        yield from (read_moment(change.effective_from) for change in plan.changes)


async def plans_offered(connection: AsyncConnection, at: datetime) -> list[PlanInput]:
    """Return every plan with its first pricing and the changes in force by `at`.

    Changes announced for later are left out, since they may still be taken back.
    """
    changes: dict[str, list[PlanChange]] = defaultdict(list)
    changed = await connection.execute(
        select(plan_changes)
        .where(plan_changes.c.effective_from <= at)
        .order_by(plan_changes.c.plan, plan_changes.c.version)
    )
    for row in changed:
        since, pricing = moment(row.effective_from), read_pricing(row.pricing)
        changes[row.plan].append(PlanChange(row.version, since, pricing))
    rows = await connection.execute(
        select(plans.c.id, plans.c.product, plans.c.currency, plans.c.pricing, products.c.owner)
        .join(products, products.c.id == plans.c.product)
        .order_by(plans.c.id)
    )
    return [
        PlanInput(
            row.id, row.product, row.owner, row.currency, read_pricing(row.pricing), changes[row.id]
        )
        for row in rows
    ]


def inputs_of(
    operator: str,
    known: Iterable[Agreement],
    offered: Iterable[PlanInput],
    standing: list[SubscriptionInput],
    before: list[Line],
    used: set[tuple[str, str]],
) -> Inputs:
    """Return a closing's inputs: only the plans and agreements that something is charged under.

    `standing` are subscriptions with a monthly price, `before` the lines of earlier closings, and
    `used` the (plan, product) pairs that calls or earlier lines fall under. ILLEGAL_STATE when a
    charged plan does not exist.
    """
    charged = used | {(each.plan, each.product) for each in standing}
    priced = [each for each in offered if (each.plan, each.product) in charged]
    if missing := charged - {(plan.plan, plan.product) for plan in priced}:
        raise Refusal(ILLEGAL_STATE, f"calls under plans that are not there: {sorted(missing)[:3]}")
    sold = {product for _, product in charged}
    sold |= {each.product for each in before}
    applied = [
        agreement_input(each)
        for each in known
        if each.product in sold or any(share.is_monthly for share in each.shares)
    ]
    return Inputs(operator, priced, standing, applied, before)


async def standing_in(
    connection: AsyncConnection, period: Period, wanted: Sequence[str]
) -> list[SubscriptionInput]:
    """Return the subscriptions to `wanted` plans that were active at some time of the period."""
    rows = await connection.execute(
        select(subscriptions)
        .where(subscriptions.c.plan.in_(wanted), subscriptions.c.activated_at < period.until)
        .where(subscriptions.c.ended_at.is_(None) | (subscriptions.c.ended_at > period.since))
        .order_by(subscriptions.c.id)
    )
    return [
        SubscriptionInput(
            subscription=row.id,
            product=row.product,
            plan=row.plan,
            partner=row.subscriber,
            since=moment(row.activated_at),
            until=moment(row.ended_at) if row.ended_at else None,
        )
        for row in rows
    ]


async def _earlier_lines(
    connection: AsyncConnection, operator: str, earlier: Sequence[Row[Any]]
) -> list[Line]:
    """Return the lines of earlier closings, from the operator's statements, which hold all."""
    rows = await connection.execute(
        select(statements.c.document)
        .where(statements.c.closing.in_([row.id for row in earlier]))
        .where(statements.c.party == operator)
        .order_by(statements.c.supplement)
    )
    return [line for row in rows for line in from_document(row.document).lines]


def agreement_input(agreement: Agreement, since: str | None = None) -> AgreementInput:
    """Return an agreement as a statement's input, in force from `since` instead if given."""
    if since is None:
        assert agreement.effective_at is not None
        since = moment(agreement.effective_at)
    return AgreementInput(
        agreement=agreement.id,
        product=agreement.product,
        version=agreement.version,
        effective_at=since,
        ended_at=moment(agreement.ended_at) if agreement.ended_at else None,
        billable=agreement.billable,
        rounding=agreement.rounding,
        shares=list(agreement.shares),
        owner=agreement.owner,
    )


async def _write_closing(unit: UnitOfWork, draft: ClosingDraft) -> None:
    await unit.connection.execute(
        insert(closings).values(
            id=draft.closing,
            period=draft.period.name,
            currency=draft.currency,
            version=draft.version,
            supplement=draft.supplement,
            since=draft.period.since,
            until=draft.period.until,
            records=draft.records,
            records_digest=runs_digest(draft.runs),
            closed_at=draft.closed_at,
            closed_by=unit.actor.subject,
        )
    )
    names = ("closing", "stream", "first_segment", "last_segment")
    rows = ((draft.closing, run.stream, run.first_segment, run.last_segment) for run in draft.runs)
    await copy_rows(unit.connection, closing_runs, names, rows)


def posting_of(line: Line, reference: str, currency: str, operator: str) -> Posting | None:
    """Return a line's posting: the partner owes gross and tax, each share is owed to its party.

    The operator's own share is its revenue, and its monthly dues to others reduce that revenue.
    None when nothing is to be paid.
    """
    owed_minor = line.gross_minor + line.tax_minor
    debtor = account_of(line.partner, "receivable", operator)
    entries = [Entry(debtor, Money(owed_minor, currency))] if owed_minor else []
    for share in line.shares:
        if share.amount_minor:
            account = account_of(share.party, "payable", operator)
            entries.append(Entry(account, Money(-share.amount_minor, currency)))
    if not entries:
        return None
    under = line.plan or line.agreement
    return Posting(reference, f"{line.product} under {under}", tuple(entries))


def _statement(
    unit: UnitOfWork, draft: ClosingDraft, whole: composition.Whole, party: str
) -> Statement:
    figures = composition.figures(whole.own_lines(party), party)
    digest = runs_digest(draft.runs)
    return sealed(
        Statement(
            statement=unit.mint("stm"),
            form=1,
            party=party,
            period=draft.period.name,
            since=moment(draft.period.since),
            until=moment(draft.period.until),
            currency=draft.currency,
            supplement=draft.supplement,
            closed_at=moment(draft.closed_at),
            lines=figures.lines,
            gross_minor=figures.gross_minor,
            tax_minor=figures.tax_minor,
            shares=figures.shares,
            sum_of_shares_minor=figures.sum_of_shares_minor,
            owes_minor=figures.owes_minor,
            is_owed_minor=figures.is_owed_minor,
            balance_minor=figures.balance_minor,
            records=Records(draft.runs, draft.records, digest, draft.rewarded),
            inputs=whole.narrowed(party),
            sha256="",
            version=draft.version,
        )
    )


async def _write_statements(unit: UnitOfWork, closing: str, made: Iterable[Statement]) -> None:
    rows = (
        (
            statement.statement,
            closing,
            statement.party,
            statement.period,
            statement.currency,
            statement.supplement,
            statement.gross_minor,
            statement.balance_minor,
            statement.sha256,
            to_json(statement),
            read_moment(statement.closed_at),
        )
        for statement in made
    )
    await copy_rows(unit.connection, statements, _STATEMENT, rows)
