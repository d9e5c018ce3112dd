"""Queries of the lake: one portable SQL text for each, run by DuckDB.

Every text reads the table `calls` (the columns of `weir.metering.lake.columns.SCHEMA`, and `day`
and `hour` of the folder a file is in) and uses nothing that Spark or Trino would not understand.
Synchronous: in an event loop, call from a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from weir.metering.lake.columns import SCHEMA, hour_of
from weir.metering.lake.lake import Lake

COUNT: Final = "SELECT count(*) FROM calls"

# Counts for the traffic page.
USAGE: Final = """
    SELECT application, product, status, refusal, count(*) AS calls
      FROM calls
     GROUP BY application, product, status, refusal
     ORDER BY application, product, status, refusal
"""

# A record that was ingested twice would show here.
DOUBLED_NUMBERS: Final = """
    SELECT stream, number, count(*) AS records
      FROM calls
     GROUP BY stream, number
    HAVING count(*) > 1
     ORDER BY stream, number
"""

# An answer that was recorded twice would show here; so does a caller that chose one identifier for
# two calls. Records of reconciliation are left out: they are of payments, not of answers.
DOUBLED_INTERACTIONS: Final = """
    SELECT interaction_id, count(*) AS records
      FROM calls
     WHERE NOT reconciled
     GROUP BY interaction_id
    HAVING count(*) > 1
     ORDER BY interaction_id
"""

# Compares records of answers with a list of interactions that a load generator or partner kept.
COMPARISON: Final = """
    WITH stored AS (
        SELECT interaction_id, count(*) AS records
          FROM calls
         WHERE NOT reconciled
         GROUP BY interaction_id
    )
    SELECT count(*) AS expected,
           sum(CASE WHEN stored.records IS NULL THEN 0 ELSE 1 END) AS stored,
           sum(CASE WHEN stored.records IS NULL THEN 1 ELSE 0 END) AS missing,
           sum(CASE WHEN stored.records > 1 THEN 1 ELSE 0 END) AS duplicated
      FROM expected
      LEFT JOIN stored ON stored.interaction_id = expected.interaction_id
"""

# Statuses of payments whose consents are in the table `asked`.
PAYMENTS: Final = """
    SELECT calls.consent, calls.status
      FROM calls
      JOIN asked ON asked.consent = calls.consent
     WHERE calls.refusal IS NULL
     ORDER BY calls.consent, calls.status
"""

_EMPTY: Final = (
    SCHEMA.append(pa.field("day", pa.string())).append(pa.field("hour", pa.string())).empty_table()
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one application to one product that ended one way."""

    application: str | None
    product: str | None
    status: int
    refusal: str | None
    calls: int


@dataclass(frozen=True, slots=True)
class Tally:
    """A comparison of records with a list of interactions; `duplicated` have several records."""

    expected: int
    stored: int
    missing: int
    duplicated: int


@contextmanager
def calls_of(lake: Lake, files: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB connection whose only table, `calls`, is these files of the lake."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")  # hours and days are UTC
        if not lake.is_local:
            connection.register_filesystem(lake.reads())
        table_of(connection, lake, files).create_view("calls")
        yield connection
    finally:
        connection.close()


def table_of(
    connection: duckdb.DuckDBPyConnection, lake: Lake, files: Sequence[str]
) -> duckdb.DuckDBPyRelation:
    """Return these files as one table."""
    if not files:
        return connection.from_arrow(_EMPTY)
    addresses = [lake.address(file) for file in files]
    return connection.read_parquet(addresses, hive_partitioning=True)


def span_of(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    files: Iterable[str],
    since: datetime,
    until: datetime,
) -> duckdb.DuckDBPyRelation:
    """Return the records of these files that arrived from `since` up to `until`, as one table.

    A file lies in the hour its records arrived in, so only files of hours that are cut are filtered
    record by record, which costs as much again as counting.
    """
    whole, cut = [], []
    for file in files:
        begins = hour_of(file)
        ends = begins + timedelta(hours=1)
        if since <= begins and ends <= until:
            whole.append(file)
        elif since < ends and begins < until:
            cut.append(file)
    calls = table_of(connection, lake, whole)
    if cut:
        at = duckdb.ColumnExpression("arrived_at")
        within = (at >= duckdb.ConstantExpression(since)) & (at < duckdb.ConstantExpression(until))
        calls = calls.union(table_of(connection, lake, cut).filter(within))
    return calls


def count_records(lake: Lake, files: Sequence[str]) -> int:
    """Count the records in these files of the lake."""
    return int(ask(lake, files, COUNT)[0][0])


def usage(lake: Lake, files: Sequence[str]) -> list[Usage]:
    """Count calls by application, product, status and refusal."""
    return [Usage(*row) for row in ask(lake, files, USAGE)]


def doubled_numbers(lake: Lake, files: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return records that are there more than once, as (stream, number, count)."""
    return [(row[0], row[1], row[2]) for row in ask(lake, files, DOUBLED_NUMBERS)]


def doubled_interactions(lake: Lake, files: Sequence[str]) -> list[tuple[str, int]]:
    """Return interactions with more than one record of an answer, each with its count."""
    return [(row[0], row[1]) for row in ask(lake, files, DOUBLED_INTERACTIONS)]


def compare(lake: Lake, files: Sequence[str], interactions: Iterable[str]) -> Tally:
    """Compare identifiers of answered calls with the records. A repeated one counts once."""
    expected = pa.table({"interaction_id": pa.array(sorted(set(interactions)), pa.string())})
    with calls_of(lake, files) as connection:
        connection.register("expected", expected)
        row = connection.execute(COMPARISON).fetchall()[0]
    return Tally(*(int(value or 0) for value in row))


def payments(lake: Lake, files: Sequence[str], names: Iterable[str]) -> dict[str, list[int]]:
    """Return the statuses that members answered with, by the name records give the consent."""
    asked = pa.table({"consent": pa.array(sorted(set(names)), pa.string())})
    answers: dict[str, list[int]] = {}
    with calls_of(lake, files) as connection:
        connection.register("asked", asked)
        for consent, status in connection.execute(PAYMENTS).fetchall():
            answers.setdefault(consent, []).append(status)
    return answers


def ask(lake: Lake, files: Sequence[str], question: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over the records in these files."""
    with calls_of(lake, files) as connection:
        return connection.execute(question).fetchall()
