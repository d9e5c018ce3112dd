"""Preparation of an institution's schema: the first start fills it, later starts find it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from importlib.resources import files
from typing import Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from weir_sandbox.population import Person

CHINA: Final = timezone(timedelta(hours=8))
"""Every institution keeps its books by the clock of Shanghai, which has no summer time."""

_COPY_ROWS: Final = 5_000

Loading = psycopg.Connection[TupleRow]


@dataclass(frozen=True, slots=True)
class Generation:
    """The values an institution's history is made from; the same values give the same history."""

    seed: int
    customers: int
    first_day: date


Fill = Callable[[Loading, Generation], None]


def today() -> date:
    """Return the calendar day in Shanghai."""
    return datetime.now(CHINA).date()


def prepare(
    conninfo: str, institution: str, schema: str, wanted: Generation, fill: Fill
) -> Generation:
    """Make and fill the schema unless it is there; return the values it was really made from.

    A lock keeps apart two processes that start together; a process killed half way leaves nothing
    behind.
    """
    with psycopg.connect(conninfo) as connection, connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (zlib.crc32(schema.encode()),))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        found = connection.execute("SELECT to_regclass('generation')").fetchone()
        if found and found[0]:
            return _recorded(connection, institution)
        _create(connection, institution, wanted, fill)
        return wanted


def _recorded(connection: Loading, institution: str) -> Generation:
    row = connection.execute(
        "SELECT seed, customers, first_day FROM generation WHERE institution = %s", (institution,)
    ).fetchone()
    if row is None:
        raise RuntimeError("the schema belongs to another institution")
    return Generation(*row)


def _create(connection: Loading, institution: str, wanted: Generation, fill: Fill) -> None:
    connection.execute(statements("common.sql"))
    connection.execute(statements(f"{institution}/schema.sql"))
    connection.execute(
        "INSERT INTO generation (institution, seed, customers, first_day) VALUES (%s, %s, %s, %s)",
        (institution, wanted.seed, wanted.customers, wanted.first_day),
    )
    fill(connection, wanted)
    connection.execute(statements(f"{institution}/indexes.sql"))


def statements(name: str) -> bytes:
    """Return SQL kept beside the code as package data."""
    return files("weir_sandbox").joinpath(name).read_bytes()


def load_customers(connection: Loading, prefix: str, people: Iterable[Person]) -> None:
    """Write the people an institution serves under its own references."""
    rows = (f"{prefix}-{p.number:06d}\t{p.name}\t{p.kind}" for p in people)
    load(connection, "customers (customer_ref, name, kind)", rows)


def load(connection: Loading, into: LiteralString, lines: Iterable[str]) -> None:
    """Copy lines in PostgreSQL's text format; generated values hold no tab or backslash."""
    command = sql.SQL("COPY {} FROM STDIN").format(sql.SQL(into))
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        block: list[str] = []
        for row in lines:
            block.append(row)
            if len(block) == _COPY_ROWS:
                copy.write("\n".join(block) + "\n")
                block.clear()
        if block:
            copy.write("\n".join(block) + "\n")
