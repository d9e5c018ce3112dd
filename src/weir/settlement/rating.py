"""Counting calls for a period: what a charge is computed from.

Counting is written twice on purpose: in SQL for closing (`RATE`, portable, over the lake) and in
Python for verifying (`Count`, over records whose hashes were checked). A property test holds the
two together.

A call ends in one of three ways. It `succeeded` when the member itself answered 2xx or 3xx and the
answer was passed on, it was `declined` when the member answered 4xx, and it `failed` otherwise: the
platform refused it, the member failed it, or only reconciliation found it, so that the caller never
got its answer. What failed is counted and never billed; the agreement says about the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, NamedTuple, Protocol

import pyarrow as pa

from weir.metering.asking import calls_of
from weir.metering.lake import Lake
from weir.metering.records import CallRecord
from weir.settlement.charging import value_bounds, value_charge
from weir.settlement.documents import Run
from weir.shelf.pricing import Hours, Pricing, Value

Ending = Literal["succeeded", "declined", "failed"]

# One row a key is counted first, since conditional sums cost a third of finer groups. The plans in
# the table `priced` ask for more than numbers of calls; only theirs are read a second time. All
# sums are whole numbers, so every engine gives the same.
RATE: Final = """
    WITH counted AS (
        SELECT product, plan, organisation, member, count(*) AS calls,
               sum(CASE WHEN status >= 200 AND status < 400 AND refusal IS NULL AND NOT reconciled
                        THEN 1 ELSE 0 END) AS succeeded,
               sum(CASE WHEN status >= 400 AND status < 500 AND refusal IS NULL AND NOT reconciled
                        THEN 1 ELSE 0 END) AS declined
          FROM calls
         WHERE arrived_at >= ? AND arrived_at < ?
           AND product IS NOT NULL AND plan IS NOT NULL AND organisation IS NOT NULL
         GROUP BY product, plan, organisation, member
    ), charged AS (
        SELECT calls.product, calls.plan, calls.organisation, calls.member,
               CASE WHEN calls.refusal IS NULL AND NOT calls.reconciled THEN calls.status
                    ELSE 0 END AS answer,
               CASE WHEN priced.hourly THEN EXTRACT(HOUR FROM calls.arrived_at) END AS utc_hour,
               CASE WHEN calls.currency = priced.value_currency
                         AND calls.amount_minor IS NOT NULL
                    THEN LEAST(GREATEST(CAST(calls.amount_minor AS DECIMAL(19, 0)) * priced.rate,
                                        priced.lowest), priced.highest) END AS units
          FROM calls
          JOIN priced ON priced.plan = calls.plan
         WHERE calls.arrived_at >= ? AND calls.arrived_at < ?
           AND calls.product IS NOT NULL AND calls.organisation IS NOT NULL
    ), every AS (
        SELECT counted.product, counted.plan, counted.organisation, counted.member,
               CAST(NULL AS BIGINT) AS utc_hour, calls, succeeded, declined,
               0 AS succeeded_values, CAST(0 AS DECIMAL(38, 0)) AS succeeded_units,
               0 AS declined_values, CAST(0 AS DECIMAL(38, 0)) AS declined_units
          FROM counted
          LEFT JOIN priced ON priced.plan = counted.plan
         WHERE priced.plan IS NULL
         UNION ALL
        SELECT product, plan, organisation, member, utc_hour, count(*),
               sum(CASE WHEN answer >= 200 AND answer < 400 THEN 1 ELSE 0 END),
               sum(CASE WHEN answer >= 400 AND answer < 500 THEN 1 ELSE 0 END),
               count(CASE WHEN answer >= 200 AND answer < 400 THEN units END),
               coalesce(sum(CASE WHEN answer >= 200 AND answer < 400 THEN units END), 0),
               count(CASE WHEN answer >= 400 AND answer < 500 THEN units END),
               coalesce(sum(CASE WHEN answer >= 400 AND answer < 500 THEN units END), 0)
          FROM charged
         GROUP BY product, plan, organisation, member, utc_hour
    )
    SELECT product, plan, organisation, member, 'succeeded' AS ending, utc_hour,
           succeeded AS calls, succeeded_values AS value_calls, succeeded_units AS value_units
      FROM every WHERE succeeded > 0
     UNION ALL
    SELECT product, plan, organisation, member, 'declined', utc_hour,
           declined, declined_values, declined_units
      FROM every WHERE declined > 0
     UNION ALL
    SELECT product, plan, organisation, member, 'failed', utc_hour,
           calls - succeeded - declined, 0, 0
      FROM every WHERE calls > succeeded + declined
"""
PICK_OUT: Final = """
    ALTER VIEW calls RENAME TO stored;
    CREATE VIEW calls AS
    SELECT stored.*
      FROM stored
     WHERE EXISTS (SELECT 1 FROM runs
                    WHERE runs.stream = stored.stream
                      AND stored.segment BETWEEN runs.first_segment AND runs.last_segment)
"""
RECORDS_IN_PERIOD: Final = "SELECT count(*) FROM calls WHERE arrived_at >= ? AND arrived_at < ?"
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
    """Whose calls, to what, under which terms, served by whom."""

    product: str
    plan: str
    partner: str
    member: str | None


@dataclass(frozen=True, slots=True)
class Priced:
    """How a plan is priced, and in what."""

    currency: str
    pricing: Pricing


Plans = Mapping[str, Priced]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the period within which no agreement begins or ends."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one key in one slice that ended in one way.

    `utc_hour` is None unless the plan is priced by the hour. Values are counted where it is priced
    by value and the call did not fail (`weir.settlement.charging.VALUE_UNITS`).
    """

    slice: Slice
    key: Key
    ending: Ending
    utc_hour: int | None
    calls: int
    value_calls: int
    value_units: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a set of segments holds: all its records, those of the period, and their usage."""

    held: int
    records: int
    usage: list[Usage]


def slices(since: datetime, until: datetime, boundaries: Iterable[datetime]) -> list[Slice]:
    """The period cut at every boundary inside it."""
    cuts = sorted({since, until, *(at for at in boundaries if since < at < until)})
    return [Slice(start, end) for start, end in pairwise(cuts)]


class Chosen(Protocol):
    """Which records are counted: those of these runs, which lie in these files."""

    @property
    def runs(self) -> Sequence[Run]: ...
    @property
    def files(self) -> Sequence[str]: ...
    @property
    def records(self) -> int: ...


def count_lake(lake: Lake, chosen: Chosen, parts: Sequence[Slice], plans: Plans) -> Counted:
    """Count over the lake, with DuckDB. Synchronous.

    A merged file may hold segments that another closing counted; then the runs are picked out.
    """
    usage: list[Usage] = []
    with calls_of(lake, chosen.files) as connection:
        connection.register("priced", priced_table(plans))
        held = int(connection.execute(RECORDS).fetchall()[0][0])
        if held != chosen.records:
            connection.register("runs", runs_table(chosen.runs))
            connection.execute(PICK_OUT)
            held = int(connection.execute(RECORDS).fetchall()[0][0])
        whole = [parts[0].since, parts[-1].until]
        records = int(connection.execute(RECORDS_IN_PERIOD, whole).fetchall()[0][0])
        for part in parts:
            for row in connection.execute(RATE, [part.since, part.until] * 2).fetchall():
                hour = None if row[5] is None else int(row[5])
                counts = (int(count) for count in row[6:])
                usage.append(Usage(part, Key(*row[:4]), row[4], hour, *counts))
    return Counted(held, records, usage)


def runs_table(runs: Sequence[Run]) -> pa.Table:
    """Runs of segments as the table `runs` of `PICK_OUT`."""
    return pa.table(
        {
            "stream": pa.array([run.stream for run in runs], pa.string()),
            "first_segment": pa.array([run.first_segment for run in runs], pa.int64()),
            "last_segment": pa.array([run.last_segment for run in runs], pa.int64()),
        }
    )


def priced_table(plans: Plans) -> pa.Table:
    """The plans that are priced by the hour or by value, as the table `priced` of `RATE`."""
    rows = []
    for plan, priced in sorted(plans.items()):
        value = priced.pricing.find(Value)
        hourly = priced.pricing.find(Hours) is not None
        row = {"plan": plan, "hourly": hourly, "value_currency": None}
        if value is not None:
            rate, lowest, highest = value_bounds(value, priced.currency)
            row |= {"value_currency": priced.currency}
            row |= {"rate": rate, "lowest": lowest, "highest": highest}
        if hourly or value is not None:
            rows.append(row)
    return pa.Table.from_pylist(rows, PRICED)


class Count:
    """Counts records as they come, for one set of slices."""

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

    def counted(self) -> Counted:
        """What has been counted so far."""
        return Counted(self._held, self._records, list(self._usage.values()))

    def _add(self, part: Slice, record: CallRecord) -> None:
        if record.product is None or record.plan is None or record.organisation is None:
            return
        key = Key(record.product, record.plan, record.organisation, record.member)
        priced = self._plans.get(record.plan)
        hourly = priced is not None and priced.pricing.find(Hours) is not None
        utc_hour = record.at_us // _HOUR_US % 24 if hourly else None
        place = (part, key, ending_of(record), utc_hour)
        before = self._usage.get(place) or Usage(*place, 0, 0, 0)
        units = None if place[2] == "failed" else _value_units(record, priced)
        self._usage[place] = replace(
            before,
            calls=before.calls + 1,
            value_calls=before.value_calls + (units is not None),
            value_units=before.value_units + (units or 0),
        )


def ending_of(record: CallRecord) -> Ending:
    """How a call ended, for the one who pays."""
    if record.refusal is not None or record.reconciled or not 200 <= record.status < 500:
        return "failed"
    return "succeeded" if record.status < 400 else "declined"


def _value_units(record: CallRecord, priced: Priced | None) -> int | None:
    value = priced.pricing.find(Value) if priced else None
    if priced is None or value is None or record.amount_minor is None:
        return None
    if record.currency != priced.currency:
        return None
    return value_charge(value, record.amount_minor, priced.currency)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
