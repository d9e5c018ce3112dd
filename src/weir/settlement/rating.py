"""Counting calls for a period and pricing them.

Counting is written twice on purpose: in SQL for closing (`RATE`, portable, over the lake) and in
Python for verifying (`count`, over records whose hashes were checked). A property test holds the
two together.

A call is billable when the member's own answer was 2xx or 3xx and it was passed on. What the
platform refused, what the member failed, and what was only found by reconciliation (the caller
never got its answer) is counted and not billed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, localcontext
from itertools import pairwise
from typing import Final, NamedTuple

from weir.kernel.money import Money, parse_price, round_to_minor
from weir.metering.asking import calls_of
from weir.metering.lake import Lake
from weir.metering.records import CallRecord

RATE: Final = """
    SELECT product, plan, organisation, member,
           count(*) AS calls,
           sum(CASE WHEN status >= 200 AND status < 400 AND refusal IS NULL AND NOT reconciled
                    THEN 1 ELSE 0 END) AS billable_calls
      FROM calls
     WHERE arrived_at >= ? AND arrived_at < ?
       AND product IS NOT NULL AND plan IS NOT NULL AND organisation IS NOT NULL
     GROUP BY product, plan, organisation, member
     ORDER BY product, plan, organisation, member
"""
RECORDS_IN_PERIOD: Final = "SELECT count(*) FROM calls WHERE arrived_at >= ? AND arrived_at < ?"
RECORDS: Final = "SELECT count(*) FROM calls"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Key(NamedTuple):
    """Whose calls, to what, under which terms, served by whom."""

    product: str
    plan: str
    partner: str
    member: str | None


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the period within which no agreement begins or ends."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one key in one slice."""

    slice: Slice
    key: Key
    calls: int
    billable_calls: int


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


def count_lake(lake: Lake, files: Sequence[str], parts: Sequence[Slice]) -> Counted:
    """Count over files of the lake, with DuckDB. Synchronous."""
    usage: list[Usage] = []
    with calls_of(lake, files) as connection:
        held = int(connection.execute(RECORDS).fetchall()[0][0])
        whole = [parts[0].since, parts[-1].until]
        records = int(connection.execute(RECORDS_IN_PERIOD, whole).fetchall()[0][0])
        for part in parts:
            rows = connection.execute(RATE, [part.since, part.until]).fetchall()
            usage += [Usage(part, Key(*row[:4]), int(row[4]), int(row[5])) for row in rows]
    return Counted(held, records, usage)


class Count:
    """Counts records as they come, for one set of slices."""

    def __init__(self, parts: Sequence[Slice]) -> None:
        self._bounds = [(_micros(part.since), _micros(part.until), part) for part in parts]
        self._calls: Counter[tuple[Slice, Key]] = Counter()
        self._billable: Counter[tuple[Slice, Key]] = Counter()
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
        usage = [
            Usage(part, key, calls, self._billable[part, key])
            for (part, key), calls in self._calls.items()
        ]
        return Counted(self._held, self._records, usage)

    def _add(self, part: Slice, record: CallRecord) -> None:
        if record.product is None or record.plan is None or record.organisation is None:
            return
        key = Key(record.product, record.plan, record.organisation, record.member)
        self._calls[part, key] += 1
        if is_billable(record):
            self._billable[part, key] += 1


def is_billable(record: CallRecord) -> bool:
    """Whether the partner pays for this call."""
    return 200 <= record.status < 400 and record.refusal is None and not record.reconciled


def gross(price: str, billable_calls: int, currency: str) -> Money:
    """The price of some calls, rounded once, half to even, to whole minor units."""
    # Twenty digits of price times any count stay exact; the default context keeps 28 digits.
    with localcontext(Context(prec=60)):
        return round_to_minor(parse_price(price) * billable_calls, currency)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
