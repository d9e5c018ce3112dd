"""Verification of a statement by recomputing it from the records alone, without a database.

Checks, in this order: the document's own digest; that the records are the ones it names, unaltered,
by the chain of their hashes; and that counting, pricing and splitting them anew gives every figure
it states. The first difference is named. Prices and agreements are taken from the statement's
`inputs`, which each party holds for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from msgspec.structs import replace

from weir.kernel import identifiers
from weir.kernel.clock import read_moment
from weir.metering.records import segments
from weir.metering.records.segments import Chain, Segment, SegmentDamaged
from weir.settlement.documents import (
    Inputs,
    Run,
    Statement,
    digest_of,
    from_document,
    runs_digest,
    to_document,
)
from weir.settlement.rating.in_force import plans_of
from weir.settlement.rating.rewards import RewardCount, Rewards, reward_terms
from weir.settlement.rating.usage import Count, Slice, Usage, UsageCounts
from weir.settlement.statements import composition
from weir.settlement.statements.lines import UnknownPlan, lines


class RecordSource(Protocol):
    """A source of checked segments, such as `weir.metering.lake.lake.Lake`."""

    def read_segment(self, stream: str, segment: int) -> Segment: ...


@dataclass(frozen=True, slots=True)
class RecordsFolder:
    """A folder of sealed segments, as gateways leave them."""

    folder: Path

    def read_segment(self, stream: str, segment: int) -> Segment:
        return segments.read_segment(self.folder, stream, segment)


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: the first difference in words, or None when the statement holds."""

    statement: str
    records: int
    segments: int
    difference: str | None

    @property
    def holds(self) -> bool:
        return self.difference is None


class StatementMismatch(Exception):  # noqa: N818 - it carries what differs
    """A statement differs from its records; the text says where first."""


def verify(document: Any, source: RecordSource) -> Verification:
    """Recompute a statement (a `Statement`, or its JSON values). Synchronous and offline.

    ValueError when the document is not a statement.
    """
    stated = document if isinstance(document, Statement) else from_document(document)
    since, until = read_moment(stated.since), read_moment(stated.until)
    if not since < until:
        raise ValueError("not a statement: its period has no length")
    parts = composition.cut(since, until, stated.inputs)
    count = Count(parts, plans_of(stated.inputs))
    terms = reward_terms(stated.inputs.agreements, since, until)
    rewards = RewardCount(terms)
    whole = stated.records.rewarded
    read = 0
    try:
        check_digests(stated)
        if terms and stated.records.segments and not whole:
            raise StatementMismatch("records.rewarded: it is left out")
        for run in stated.records.segments:
            for segment in _run(run, source):
                count.add(segment.records)
                if whole == stated.records.segments:
                    rewards.add(segment.records)
                read += 1
        if whole != stated.records.segments:
            _count_rewards(stated, source, rewards)
        counted = count.result()
        found = recompute(stated, counted, parts, rewards.result())
        compare(to_document(stated), to_document(found), "")
    except StatementMismatch as differs:
        return Verification(stated.statement, count.result().records, read, str(differs))
    return Verification(stated.statement, counted.records, read, None)


def check_digests(stated: Statement) -> None:
    """Check the digests of the document and of the list of its records. Raises Differs."""
    if digest_of(to_document(stated)) != stated.sha256:
        raise StatementMismatch("sha256: the document was changed after it was closed")
    if runs_digest(stated.records.segments) != stated.records.digest:
        raise StatementMismatch("records.digest: it is not that of records.segments")
    _check_runs(stated.records.segments, "segments")
    _check_runs(stated.records.rewarded, "rewarded")


def _check_runs(runs: Iterable[Run], name: str) -> None:
    taken: set[tuple[str, int]] = set()
    for run in runs:
        if not identifiers.is_identifier(run.stream, "str") or run.first_segment < 1:
            raise StatementMismatch(f"records.{name}: a run is not one")
        if any(stream == run.stream and last >= run.first_segment for stream, last in taken):
            raise StatementMismatch(f"records.{name}: {run.stream} is counted twice")
        taken.add((run.stream, run.last_segment))


def _count_rewards(stated: Statement, source: RecordSource, rewards: RewardCount) -> None:
    """Count rewards over all runs of the period, which must include the statement's own."""
    whole = stated.records.rewarded
    for own in stated.records.segments if whole else []:
        if not any(_holds(run, own) for run in whole):
            raise StatementMismatch(f"records.rewarded: {own.stream} is left out")
    for run in whole:
        for segment in _run(run, source):
            rewards.add(segment.records)


def _holds(run: Run, own: Run) -> bool:
    """Whether a run includes the statement's own run."""
    first = run.stream == own.stream and run.first_segment <= own.first_segment
    return first and own.last_segment <= run.last_segment


def _run(run: Run, source: RecordSource) -> Iterable[Segment]:
    """Yield a run's segments; check that each is chained to the one before, and the last's hash."""
    chain: Chain | None = None
    sha256 = ""
    for number in range(run.first_segment, run.last_segment + 1):
        name = f"{run.stream} segment {number}"
        try:
            segment = source.read_segment(run.stream, number)
            chain = chain or _start(run, segment)
            chain.link(segment.seal)
        except FileNotFoundError as error:
            raise StatementMismatch(f"records: {name} dropped: it is not there") from error
        except SegmentDamaged as damaged:
            raise StatementMismatch(f"records: {damaged.finding}") from damaged
        sha256 = segment.seal.sha256
        yield segment
    if sha256 != run.sha256:
        detail = "it is not the one the statement was made of"
        raise StatementMismatch(
            f"records: {run.stream} segment {run.last_segment} altered: {detail}"
        )


def _start(run: Run, first: Segment) -> Chain:
    """Return the chain as it should be before the run's first segment."""
    before = first.seal.first - 1
    return Chain(run.stream, run.previous_sha256, run.first_segment - 1, before)


def recompute(
    stated: Statement, counted: UsageCounts, parts: Sequence[Slice], rewards: Rewards
) -> Statement:
    """Return the statement with every figure computed anew."""
    usage = list(_relevant(counted.usage, stated.party, stated.inputs))
    try:
        all_lines = lines(usage, stated.inputs, stated.currency, parts, rewards)
    except UnknownPlan as unknown:
        raise StatementMismatch(
            f"inputs.plans: calls were made under {unknown}, not listed"
        ) from unknown
    except (KeyError, ValueError, ArithmeticError) as error:
        raise ValueError("not a statement: a currency or price in it is not one") from error
    whole = composition.Whole.of(stated.inputs, all_lines, [])
    figures = composition.figures(whole.own_lines(stated.party), stated.party)
    return replace(
        stated,
        lines=figures.lines,
        gross_minor=figures.gross_minor,
        tax_minor=figures.tax_minor,
        shares=figures.shares,
        sum_of_shares_minor=figures.sum_of_shares_minor,
        owes_minor=figures.owes_minor,
        is_owed_minor=figures.is_owed_minor,
        balance_minor=figures.balance_minor,
        records=replace(stated.records, records=counted.records),
    )


def _relevant(usage: Iterable[Usage], party: str, inputs: Inputs) -> Iterable[Usage]:
    """Yield the usage that a party's statement must price: all of it for the operator."""
    listed = {(plan.plan, plan.product) for plan in inputs.plans}
    for each in usage:
        own = party in (inputs.operator, each.key.partner, each.key.member)
        if own or (each.key.plan, each.key.product) in listed:
            yield each


def compare(stated: Any, found: Any, place: str) -> None:
    """Raise Differs at the first place where two JSON values differ."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for name in stated | found:
            compare(stated.get(name), found.get(name), f"{place}.{name}".lstrip("."))
    elif isinstance(stated, list) and isinstance(found, list):
        if len(stated) != len(found):
            raise StatementMismatch(
                f"{place}: the statement has {len(stated)}, the records give {len(found)}"
            )
        for index, (one, other) in enumerate(zip(stated, found, strict=True)):
            compare(one, other, f"{place}[{index}]")
    elif stated != found:
        raise StatementMismatch(f"{place}: the statement says {stated}, the records say {found}")
