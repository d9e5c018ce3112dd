"""Counts for rewarding terms: calls that came from a scene or referrer, customers who stay.

A term of an agreement may give its party something for each billable call with a certain scene or
referrer, or for each customer who came on so many days (UTC) of the period. A customer is known by
the consent that the calls were made under. Both are counted over all records of the period, also in
a supplement, since days of one customer do not add up from closing to closing.

As in `weir.settlement.rating.usage`, counting is written twice: in SQL for closing, in Python for
verifying. A property test holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import pyarrow as pa
from duckdb import DuckDBPyConnection

from weir.kernel.clock import read_moment
from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.metering.lake.lake import Lake
from weir.metering.lake.queries import calls_of, table_of
from weir.metering.records.records import CallRecord
from weir.settlement.documents import AgreementInput
from weir.settlement.rating.usage import (
    RECORDS,
    ChosenRecords,
    Key,
    define_calls,
    ending_of,
    runs_table,
)

REWARDED: Final = """
    WITH matched AS (
        SELECT rewards.agreement, rewards.term, rewards.days, calls.product, calls.plan,
               calls.organisation, calls.member, calls.consent,
               CAST(calls.arrived_at AS DATE) AS arrived_on
          FROM calls
          JOIN rewards ON rewards.product = calls.product
         WHERE calls.arrived_at >= rewards.since AND calls.arrived_at < rewards.until
           AND calls.plan IS NOT NULL AND calls.organisation IS NOT NULL
           AND calls.refusal IS NULL AND NOT calls.reconciled AND calls.status >= 200
           AND (calls.status < 400 OR (rewards.declined AND calls.status < 500))
           AND (rewards.scene IS NULL OR rewards.scene = calls.scene)
           AND (rewards.referrer IS NULL OR rewards.referrer = calls.referrer)
    ), stayed AS (
        SELECT agreement, term, product, plan, organisation, member, consent
          FROM matched
         WHERE days IS NOT NULL AND consent IS NOT NULL
         GROUP BY agreement, term, product, plan, organisation, member, consent, days
        HAVING count(DISTINCT arrived_on) >= days
    )
    SELECT agreement, term, product, plan, organisation, member, count(*) AS rewarded
      FROM matched
     WHERE days IS NULL
     GROUP BY agreement, term, product, plan, organisation, member
     UNION ALL
    SELECT agreement, term, product, plan, organisation, member, count(*)
      FROM stayed
     GROUP BY agreement, term, product, plan, organisation, member
"""
_TERMS: Final = pa.schema(
    [
        ("agreement", pa.string()),
        ("term", pa.int64()),
        ("product", pa.string()),
        ("since", pa.timestamp("us", tz="UTC")),
        ("until", pa.timestamp("us", tz="UTC")),
        ("declined", pa.bool_()),
        ("scene", pa.string()),
        ("referrer", pa.string()),
        ("days", pa.int64()),
    ]
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US: Final = 86_400_000_000


class RewardTerm(NamedTuple):
    """One rewarding term and the time it holds; `term` is its index among the agreement's shares.

    `days` is None where each call is rewarded. `declined` says whether calls that the member
    declined are rewarded too.
    """

    agreement: str
    term: int
    product: str
    since: datetime
    until: datetime
    declined: bool
    scene: str | None
    referrer: str | None
    days: int | None


# By agreement and key, the number of times each term (by its index) is fulfilled.
Rewards = Mapping[tuple[str, Key], Mapping[int, int]]


def reward_terms(
    agreements: Iterable[AgreementInput], since: datetime, until: datetime
) -> list[RewardTerm]:
    """Return the rewarding terms that hold at some time of a period."""
    found = []
    for each in agreements:
        start = max(since, read_moment(each.effective_at))
        end = until if each.ended_at is None else min(until, read_moment(each.ended_at))
        if start < end:
            declined = each.billable == "answered"
            found += [
                RewardTerm(
                    each.agreement, place, each.product, start, end, declined,
                    share.scene, share.referrer, share.days,
                )
                for place, share in enumerate(each.shares)
                if share.is_rewarding
            ]  # fmt: skip
    return found


def count_rewards(lake: Lake, chosen: ChosenRecords, terms: Sequence[RewardTerm]) -> Rewards:
    """Count over the lake, with DuckDB. Synchronous.

    ILLEGAL_STATE when the lake does not hold all chosen records.
    """
    if not terms:
        return {}
    with calls_of(lake, chosen.files) as connection:
        if _held(connection) != chosen.records:
            connection.register("runs", runs_table(chosen.runs))
            define_calls(connection, table_of(connection, lake, chosen.files), True)
            if _held(connection) != chosen.records:
                raise Refusal(ILLEGAL_STATE, "the lake does not hold what was ingested")
        connection.register("rewards", terms_table(terms))
        counted = connection.execute(REWARDED).fetchall()
    found: dict[tuple[str, Key], dict[int, int]] = defaultdict(dict)
    for agreement, term, product, plan, partner, member, count in counted:
        found[agreement, Key(product, plan, partner, member)][int(term)] = int(count)
    return dict(found)


def terms_table(terms: Sequence[RewardTerm]) -> pa.Table:
    """Return terms as the table `rewards` of `REWARDED`."""
    return pa.Table.from_pylist([term._asdict() for term in terms], _TERMS)


def _held(connection: DuckDBPyConnection) -> int:
    """Return the number of records in the view `calls`."""
    return int(connection.execute(RECORDS).fetchall()[0][0])


class RewardCount:
    """A counter of rewards over records, for one set of terms."""

    def __init__(self, terms: Sequence[RewardTerm]) -> None:
        self._terms: dict[str, list[tuple[int, int, RewardTerm]]] = defaultdict(list)
        for term in terms:
            bounds = (_micros(term.since), _micros(term.until), term)
            self._terms[term.product].append(bounds)
        self._calls: dict[tuple[str, Key, int], int] = defaultdict(int)
        self._days: dict[tuple[str, Key, int, int], dict[str, set[int]]] = defaultdict(dict)

    def add(self, records: Iterable[CallRecord]) -> None:
        """Count some more records."""
        for record in records:
            for since, until, term in self._terms.get(record.product or "", ()):
                if since <= record.at_us < until and _fulfils(record, term):
                    self._add(record, term)

    def result(self) -> Rewards:
        """Return the counts so far."""
        found: dict[tuple[str, Key], dict[int, int]] = defaultdict(dict)
        for (agreement, key, place), count in self._calls.items():
            found[agreement, key][place] = count
        for (agreement, key, place, days), customers in self._days.items():
            stayed = sum(len(seen) >= days for seen in customers.values())
            if stayed:
                found[agreement, key][place] = stayed
        return dict(found)

    def _add(self, record: CallRecord, term: RewardTerm) -> None:
        key = Key(record.product or "", record.plan or "", record.organisation or "", record.member)
        if term.days is None:
            self._calls[term.agreement, key, term.term] += 1
        elif record.consent is not None:
            customers = self._days[term.agreement, key, term.term, term.days]
            customers.setdefault(record.consent, set()).add(record.at_us // _DAY_US)


def _fulfils(record: CallRecord, term: RewardTerm) -> bool:
    if record.plan is None or record.organisation is None:
        return False
    ending = ending_of(record)
    if not (ending == "succeeded" or (ending == "declined" and term.declined)):
        return False
    comes_from = term.scene is None or term.scene == record.scene
    return comes_from and (term.referrer is None or term.referrer == record.referrer)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
