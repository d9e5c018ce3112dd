"""Usage: counts of a period's calls, from which charges are computed.

Counting is written twice on purpose: in SQL for closing (`RATE`, portable, over the lake) and in
Python for verifying (`Count`, over records whose hashes were checked). A property test holds the
two together.

A call ends in one of three ways. It `succeeded` when the member itself answered 2xx or 3xx and the
answer was passed on, it was `declined` when the member answered 4xx, and it `failed` otherwise: the
platform refused it, the member failed it, or only reconciliation found it, so that the caller never
got its answer. Failed calls are counted and never billed; the agreement says whether declined calls
are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, Protocol

import pyarrow as pa
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from weir.metering.lake.lake import Lake
from weir.metering.lake.queries import calls_of, span_of, table_of
from weir.metering.records.records import CallRecord
from weir.settlement.documents import Run
from weir.settlement.rating.charges import value_bounds, value_charge
from weir.shelf.pricing import Hours, Pricing, Value

Ending = Literal["succeeded", "declined", "failed"]

# One pass counts all calls and reads only the columns of names. A second pass reads more columns,
# but only of the few calls that were not paid for, that move money, or that fall under a plan
# priced by the hour; to read these columns of every row costs twice as much. The table `priced`
# holds the plans that need more than numbers of calls. `hour` is the lake's own partition (UTC).
# All sums are whole numbers, so every engine gives the same result.
RATE: Final = """
    WITH counted AS (
        SELECT product, plan, organisation, member, count(*) AS calls
          FROM calls
         GROUP BY product, plan, organisation, member
    ), by_hour AS (
        SELECT calls.product, calls.plan, calls.organisation, calls.member, calls.hour,
               count(*) AS calls
          FROM calls
          JOIN priced ON priced.plan = calls.plan
         WHERE priced.hourly
         GROUP BY calls.product, calls.plan, calls.organisation, calls.member, calls.hour
    ), unpaid AS (
        SELECT product, plan, organisation, member, hour, count(*) AS calls,
               sum(CASE WHEN status >= 400 AND status < 500 AND refusal IS NULL AND NOT reconciled
                        THEN 1 ELSE 0 END) AS declined
          FROM calls
         WHERE refusal IS NOT NULL OR reconciled OR status < 200 OR status >= 400
         GROUP BY product, plan, organisation, member, hour
    ), valued AS (
        SELECT calls.product, calls.plan, calls.organisation, calls.member, calls.hour,
               calls.status < 400 AS paid,
               LEAST(GREATEST(CAST(calls.amount_minor AS DECIMAL(19, 0)) * priced.rate,
                              priced.lowest), priced.highest) AS units
          FROM calls
          JOIN priced ON priced.plan = calls.plan
         WHERE calls.amount_minor IS NOT NULL AND calls.currency = priced.value_currency
           AND calls.refusal IS NULL AND NOT calls.reconciled
           AND calls.status >= 200 AND calls.status < 500
    ), pieces AS (
        SELECT product, plan, organisation, member, NULL AS hour, calls, 0 AS unpaid,
               0 AS declined, 0 AS succeeded_values, CAST(0 AS DECIMAL(38, 0)) AS succeeded_units,
               0 AS declined_values, CAST(0 AS DECIMAL(38, 0)) AS declined_units
          FROM counted
         WHERE plan IS NULL OR plan NOT IN (SELECT plan FROM priced WHERE hourly)
         UNION ALL
        SELECT product, plan, organisation, member, hour, calls, 0, 0, 0, 0, 0, 0
          FROM by_hour
         UNION ALL
        SELECT product, plan, organisation, member, hour, 0, calls, declined, 0, 0, 0, 0
          FROM unpaid
         UNION ALL
        SELECT product, plan, organisation, member, hour, 0, 0, 0,
               count(CASE WHEN paid THEN units END),
               coalesce(sum(CASE WHEN paid THEN units END), 0),
               count(CASE WHEN NOT paid THEN units END),
               coalesce(sum(CASE WHEN NOT paid THEN units END), 0)
          FROM valued
         GROUP BY product, plan, organisation, member, hour
    ), placed AS (
        SELECT product, pieces.plan, organisation, member,
               CASE WHEN priced.hourly THEN CAST(hour AS INTEGER) END AS utc_hour, calls, unpaid,
               declined, succeeded_values, succeeded_units, declined_values, declined_units
          FROM pieces
          LEFT JOIN priced ON priced.plan = pieces.plan
    ), every_key AS (
        SELECT product, plan, organisation, member, utc_hour, sum(calls) AS calls,
               sum(unpaid) AS unpaid, sum(declined) AS declined,
               sum(succeeded_values) AS succeeded_values, sum(succeeded_units) AS succeeded_units,
               sum(declined_values) AS declined_values, sum(declined_units) AS declined_units
          FROM placed
         GROUP BY product, plan, organisation, member, utc_hour
    )
    SELECT product, plan, organisation, member, 'succeeded' AS ending, utc_hour,
           calls - unpaid AS calls, succeeded_values AS value_calls, succeeded_units AS value_units
      FROM every_key WHERE calls > unpaid
     UNION ALL
    SELECT product, plan, organisation, member, 'declined', utc_hour,
           declined, declined_values, declined_units
      FROM every_key WHERE declined > 0
     UNION ALL
    SELECT product, plan, organisation, member, 'failed', utc_hour, unpaid - declined, 0, 0
      FROM every_key WHERE unpaid > declined
"""
PICK_OUT: Final = """
    CREATE OR REPLACE VIEW calls AS
    SELECT stored.*
      FROM stored
     WHERE EXISTS (SELECT 1 FROM runs
                    WHERE runs.stream = stored.stream
                      AND stored.segment BETWEEN runs.first_segment AND runs.last_segment)
"""
RECORDS: Final = "SELECT count(*) FROM calls"
PRICED: Final = pa.schema(
    [
        ("plan", pa.string()),
        ("hourly", pa.bool_()),
        ("value_currency", pa.string()),
        ("rate", pa.decimal128(19, 0)),
        ("lowest", pa.decimal128(38, 0)),
        ("highest", pa.decimal128(38, 0)),
    ]
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_US: Final = 3_600_000_000


class Key(NamedTuple):
    """A product, its plan, the partner that called and the member that served the calls."""

    product: str
    plan: str
    partner: str
    member: str | None


@dataclass(frozen=True, slots=True)
class Priced:
    """A plan's currency and pricing; `changes` are later versions, each with its begin."""

    currency: str
    pricing: Pricing
    changes: tuple[tuple[datetime, Pricing], ...] = ()

    def at(self, when: datetime) -> Pricing:
        """Return the pricing in force at a time."""
        begun = [pricing for since, pricing in self.changes if since <= when]
        return begun[-1] if begun else self.pricing


Plans = Mapping[str, Priced]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the period within which no agreement or version of a plan begins or ends."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one key in one slice that ended in one way.

    `utc_hour` is None unless the plan is priced by the hour. `value_calls` and `value_units` are
    counted where the plan is priced by value and the call did not fail; one major unit is
    `weir.settlement.rating.charges.VALUE_UNITS`.
    """

    slice: Slice
    key: Key
    ending: Ending
    utc_hour: int | None
    calls: int
    value_calls: int
    value_units: int


@dataclass(frozen=True, slots=True)
class UsageCounts:
    """Counts of a set of segments: all records held, records of the period, and their usage."""

    held: int
    records: int
    usage: list[Usage]


def slices(since: datetime, until: datetime, boundaries: Iterable[datetime]) -> list[Slice]:
    """Cut the period at every boundary inside it."""
    cuts = sorted({since, until, *(at for at in boundaries if since < at < until)})
    return [Slice(start, end) for start, end in pairwise(cuts)]


class ChosenRecords(Protocol):
    """The records to count: their runs, the lake's files that hold them, and their number."""

    @property
    def runs(self) -> Sequence[Run]: ...
    @property
    def files(self) -> Sequence[str]: ...
    @property
    def records(self) -> int: ...


def count_lake(
    lake: Lake, chosen: ChosenRecords, parts: Sequence[Slice], plans: Plans
) -> UsageCounts:
    """Count over the lake, with DuckDB: `RATE` over the table `calls` of each slice. Synchronous.

    A merged file may hold segments that another closing counted; then only records in the runs are
    picked.
    """
    usage: list[Usage] = []
    records = 0
    with calls_of(lake, chosen.files) as connection:
        held = int(connection.execute(RECORDS).fetchall()[0][0])
        picking = held != chosen.records
        if picking:
            connection.register("runs", runs_table(chosen.runs))
            define_calls(connection, table_of(connection, lake, chosen.files), picking)
            held = int(connection.execute(RECORDS).fetchall()[0][0])
        for part in parts:
            connection.register("priced", priced_table(plans, part.since))
            span = span_of(connection, lake, chosen.files, part.since, part.until)
            define_calls(connection, span, picking)
            for row in connection.execute(RATE).fetchall():
                records += int(row[6])
                if None not in row[:3]:  # otherwise no partner can be charged
                    usage.append(usage_of(part, row))
    return UsageCounts(held, records, usage)


def define_calls(connection: DuckDBPyConnection, stored: DuckDBPyRelation, picking: bool) -> None:
    """Define the view `calls`: all records stored, or with `picking` the records in the table
    `runs`.
    """
    stored.create_view("stored" if picking else "calls", replace=True)
    if picking:
        connection.execute(PICK_OUT)


def usage_of(part: Slice, row: Sequence[Any]) -> Usage:
    """Read a row of `RATE`, from any engine."""
    hour = None if row[5] is None else int(row[5])
    return Usage(part, Key(*row[:4]), row[4], hour, *(int(count) for count in row[6:]))


def runs_table(runs: Sequence[Run]) -> pa.Table:
    """Return runs of segments as the table `runs` of `PICK_OUT`."""
    return pa.table(
        {
            "stream": pa.array([run.stream for run in runs], pa.string()),
            "first_segment": pa.array([run.first_segment for run in runs], pa.int64()),
            "last_segment": pa.array([run.last_segment for run in runs], pa.int64()),
        }
    )


def priced_table(plans: Plans, when: datetime) -> pa.Table:
    """Return the plans priced by the hour or by value then, as the table `priced` of `RATE`."""
    rows = []
    for plan, priced in sorted(plans.items()):
        pricing = priced.at(when)
        value = pricing.find(Value)
        hourly = pricing.find(Hours) is not None
        row = {"plan": plan, "hourly": hourly, "value_currency": None}
        if value is not None:
            rate, lowest, highest = value_bounds(value, priced.currency)
            row |= {"value_currency": priced.currency}
            row |= {"rate": rate, "lowest": lowest, "highest": highest}
        if hourly or value is not None:
            rows.append(row)
    return pa.Table.from_pylist(rows, PRICED)


class Count:
    """A counter of usage over records, for one set of slices."""

    def __init__(self, parts: Sequence[Slice], plans: Plans) -> None:
        self._bounds = [(_micros(part.since), _micros(part.until), part) for part in parts]
        self._plans = plans
        self._usage: dict[tuple[Slice, Key, Ending, int | None], Usage] = {}
        self._held = 0
        self._records = 0

    def add(self, records: Iterable[CallRecord]) -> None:
        """Count some more records."""
        for record in records:
            self._held += 1
            part = next((p for s, u, p in self._bounds if s <= record.at_us < u), None)
            if part is not None:
                self._records += 1
                self._add(part, record)

    def result(self) -> UsageCounts:
        """Return the counts so far."""
        return UsageCounts(self._held, self._records, list(self._usage.values()))

    def _add(self, part: Slice, record: CallRecord) -> None:
        if record.product is None or record.plan is None or record.organisation is None:
            return
        key = Key(record.product, record.plan, record.organisation, record.member)
        priced = self._plans.get(record.plan)
        pricing = priced.at(part.since) if priced else None
        hourly = pricing is not None and pricing.find(Hours) is not None
        utc_hour = record.at_us // _HOUR_US % 24 if hourly else None
        place = (part, key, ending_of(record), utc_hour)
        before = self._usage.get(place) or Usage(*place, 0, 0, 0)
        units = None if place[2] == "failed" else _value_units(record, priced, pricing)
        self._usage[place] = replace(
            before,
            calls=before.calls + 1,
            value_calls=before.value_calls + (units is not None),
            value_units=before.value_units + (units or 0),
        )


def ending_of(record: CallRecord) -> Ending:
    """Return the ending of a call, as the partner who pays for it sees it."""
    if record.refusal is not None or record.reconciled or not 200 <= record.status < 500:
        return "failed"
    return "succeeded" if record.status < 400 else "declined"


def _value_units(record: CallRecord, priced: Priced | None, pricing: Pricing | None) -> int | None:
    value = pricing.find(Value) if pricing else None
    if priced is None or value is None or record.amount_minor is None:
        return None
    if record.currency != priced.currency:
        return None
    return value_charge(value, record.amount_minor, priced.currency)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
