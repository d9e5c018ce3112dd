"""Calls behind a line of a statement, one by one.

A line's own calls are the calls of its partner, product, plan and member, in its closing's records
and period, that arrived while its agreement was in force.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.clock import read_moment
from weir.kernel.declares import PAGE_ROWS
from weir.metering.lake.lake import Lake
from weir.metering.lake.queries import calls_of, table_of
from weir.metering.records.records import CallRecord
from weir.metering.tables import segments
from weir.settlement.documents import Line, Statement
from weir.settlement.rating.in_force import agreement_at, version_at
from weir.settlement.rating.usage import Ending, define_calls, ending_of, runs_table
from weir.settlement.statements import composition, statements
from weir.settlement.tables import closing_runs
from weir.settlement.tables import statements as table
from weir.store.database import Database

CALLS: Final = """
    SELECT stream, number, CAST(arrived_at AS VARCHAR) AS arrived_at, interaction_id, application,
           capability, method, path, status, refusal, reconciled, amount_minor, currency, scene,
           referrer, consent
      FROM calls
     WHERE EXISTS (SELECT 1 FROM parts
                    WHERE calls.arrived_at >= parts.since AND calls.arrived_at < parts.until)
       AND product = ? AND plan = ? AND organisation = ?
       AND (member = ? OR (member IS NULL AND ? IS NULL))
       AND (stream > ? OR (stream = ? AND number > ?))
     ORDER BY stream, number
     LIMIT ?
"""
_PARTS: Final = pa.schema(
    [("since", pa.timestamp("us", tz="UTC")), ("until", pa.timestamp("us", tz="UTC"))]
)
_PLACE: Final = re.compile(r"(str_[0-9a-z]{26})-([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class LineCall:
    """One call behind a line. `id` is its place in the records, `ending` its end for the payer.

    `amount_minor` is the amount that the call moved, in minor units of `currency`.
    """

    id: str
    arrived_at: datetime
    interaction_id: str
    application: str | None
    capability: str | None
    method: str
    path: str | None
    status: int
    ending: Ending
    billable: bool
    amount_minor: int | None
    currency: str | None
    scene: str | None
    referrer: str | None
    consent: str | None


async def list_calls(
    database: Database, lake: Lake, statement: str, number: int, viewer: str, after: str = ""
) -> list[LineCall]:
    """Return a page of the calls of a line (counted from 1), in the order of the records.

    The statement's party and the operator may; `after` is the last `id` seen. Refusals: NOT_FOUND;
    INVALID_INPUT when the statement has no such line.
    """
    async with database.connect() as connection:
        held = await statements.fetch(connection, statement, viewer)
        if not 1 <= number <= len(held.lines):
            raise inputs.wrong("/line", "is not a line of this statement", "此账单没有该明细行")
        files = await _files(connection, statement)
    line = held.lines[number - 1]
    if line.plan is None:  # owed by the month: no call is behind it
        return []
    place = _PLACE.fullmatch(after)
    start = (place[1], int(place[2])) if place else ("", 0)
    return await asyncio.to_thread(_read, lake, files, held, line, start)


async def _files(connection: AsyncConnection, statement: str) -> list[str]:
    """Return the files of the lake that hold the statement's segments."""
    named = func.jsonb_array_elements_text(segments.c.files).label("file")
    rows = await connection.execute(
        select(named)
        .distinct()
        .join(closing_runs, closing_runs.c.stream == segments.c.stream)
        .join(table, table.c.closing == closing_runs.c.closing)
        .where(table.c.id == statement)
        .where(
            segments.c.segment.between(closing_runs.c.first_segment, closing_runs.c.last_segment)
        )
    )
    return sorted(rows.scalars().all())


def _read(
    lake: Lake, files: Sequence[str], held: Statement, line: Line, start: tuple[str, int]
) -> list[LineCall]:
    """Read a page of the line's calls; `start` is the stream and number it begins after."""
    key = (line.product, line.plan, line.partner, line.member, line.member)
    with calls_of(lake, files) as connection:
        connection.register("runs", runs_table(held.records.segments))
        define_calls(connection, table_of(connection, lake, files), True)
        connection.register("parts", _while_agreed(held, line))
        asked = [*key, start[0], *start, PAGE_ROWS]
        rows = connection.execute(CALLS, asked).fetchall()
    declined = any(
        each.agreement == line.agreement and each.billable == "answered"
        for each in held.inputs.agreements
    )
    return [_behind(row, declined) for row in rows]


def _while_agreed(held: Statement, line: Line) -> pa.Table:
    """Return the slices with the line's agreement and plan version, as the table `parts`."""
    agreed = held.inputs.agreements
    plan = {each.plan: each for each in held.inputs.plans}[line.plan or ""]
    found = [
        {"since": part.since, "until": part.until}
        for part in composition.cut(read_moment(held.since), read_moment(held.until), held.inputs)
        if agreement_at(agreed, line.product, part) == (line.agreement or "")
        and version_at(plan, part) == line.plan_version
    ]
    return pa.Table.from_pylist(found, _PARTS)


def _behind(row: tuple[Any, ...], declined: bool) -> LineCall:
    """Read a row of `CALLS`; `declined`: calls that the member declined are paid too."""
    stream, number, arrived_at, interaction_id, application, capability, method, path, *rest = row
    status, refusal, reconciled, amount_minor, currency, scene, referrer, consent = rest
    ending = ending_of(
        CallRecord(
            at_us=0,
            duration_us=0,
            interaction_id=interaction_id,
            method=method,
            status=status,
            refusal=refusal,
            reconciled=reconciled,
        )
    )
    return LineCall(
        id=f"{stream}-{number}",
        arrived_at=datetime.fromisoformat(arrived_at),
        interaction_id=interaction_id,
        application=application,
        capability=capability,
        method=method,
        path=path,
        status=status,
        ending=ending,
        billable=ending == "succeeded" or (ending == "declined" and declined),
        amount_minor=amount_minor,
        currency=currency,
        scene=scene,
        referrer=referrer,
        consent=consent,
    )
