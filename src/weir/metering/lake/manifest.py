"""Which files of the lake are to be read: what PostgreSQL says, and nothing that merely lies there.

A question takes its list here, in one statement, so it sees each record once however files are
merged meanwhile. What was replaced stays where it is for `limits.REPLACED_KEPT_S`, longer than a
question may take; one that takes longer fails, since a file it names is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Select, TextClause, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.metering.declares import REPLACED_KEPT_S
from weir.metering.lake.columns import hour_of
from weir.metering.lake.lake import Lake
from weir.metering.tables import lake_files
from weir.store.database import Database
from weir.store.declares import EXPIRED_AT_ONCE

HOUR: Final = timedelta(hours=1)

# Each segment that was in one of the old files is in the new one from now on.
_MOVE: Final = text("""
    UPDATE segments
       SET files = (SELECT coalesce(jsonb_agg(DISTINCT
                                  CASE WHEN file = ANY(CAST(:old AS text[]))
                                       THEN CAST(:new AS text) ELSE file END), '[]'::jsonb)
                      FROM jsonb_array_elements_text(segments.files) AS file)
      FROM unnest(CAST(:streams AS text[]), CAST(:numbers AS bigint[])) AS held (stream, segment)
     WHERE segments.stream = held.stream AND segments.segment = held.segment
""")

# Nothing is left of these, and what stands for their records in other files proves nothing more.
_FORGET: Final = text("""
    UPDATE segments
       SET files = '[]'::jsonb
      FROM unnest(CAST(:streams AS text[]), CAST(:numbers AS bigint[])) AS held (stream, segment)
     WHERE segments.stream = held.stream AND segments.segment = held.segment
""")

# A file of all classes has records in any case; how many, older rows do not say.
_LIVE_ELSEWHERE: Final = text("""
    SELECT DISTINCT segments.stream, segments.segment
      FROM unnest(CAST(:streams AS text[]), CAST(:numbers AS bigint[])) AS held (stream, segment)
      JOIN segments ON segments.stream = held.stream AND segments.segment = held.segment
      CROSS JOIN jsonb_array_elements_text(segments.files) AS part (file)
      JOIN lake_files ON lake_files.file = part.file
     WHERE part.file <> ALL(CAST(:old AS text[]))
       AND lake_files.replaced_at IS NULL
       AND (lake_files.records > 0 OR lake_files.holds = 'all')
""")


async def add(connection: AsyncConnection, files: Mapping[str, int]) -> None:
    """Files of one segment, with the number of records in each."""
    rows = [
        {"file": file, "hour": hour_of(file), "records": records, "segments": 1, "holds": "all"}
        for file, records in files.items()
    ]
    if rows:
        await connection.execute(insert(lake_files), rows)


async def between(
    connection: AsyncConnection, since: datetime | None = None, until: datetime | None = None
) -> list[str]:
    """The files that hold the ingested records of this time, and perhaps others of their hours."""
    return list((await connection.execute(_between(since, until))).scalars())


def _between(since: datetime | None, until: datetime | None) -> Select[Any]:
    wanted = select(lake_files.c.file).where(lake_files.c.replaced_at.is_(None))
    if since is not None:
        wanted = wanted.where(lake_files.c.hour > since - HOUR)
    if until is not None:
        wanted = wanted.where(lake_files.c.hour < until)
    return wanted.order_by(lake_files.c.file)


async def of_days(
    connection: AsyncConnection,
    since: date | None = None,
    until: date | None = None,
    after: str = "",
    most: int | None = None,
) -> list[str]:
    """The files of these days of UTC, both included; by name, after one."""
    begin = None if since is None else datetime.combine(since, time(), UTC)
    end = None if until is None else datetime.combine(until, time(), UTC) + timedelta(days=1)
    wanted = _between(begin, end).where(lake_files.c.file > after).limit(most)
    return list((await connection.execute(wanted)).scalars())


async def of_hour(connection: AsyncConnection, hour: datetime) -> list[Any]:
    """The rows of an hour's files that are to be read, by name."""
    rows = await connection.execute(
        select(lake_files)
        .where(lake_files.c.hour == hour, lake_files.c.replaced_at.is_(None))
        .order_by(lake_files.c.file)
    )
    return list(rows.all())


async def names_in(connection: AsyncConnection, hour: datetime) -> set[str]:
    """Every file of an hour that is read, or may still be."""
    rows = await connection.execute(select(lake_files.c.file).where(lake_files.c.hour == hour))
    return set(rows.scalars())


async def replace(
    connection: AsyncConnection,
    old: Sequence[str],
    new: Mapping[str, Any] | None,
    moved: Collection[tuple[str, int]],
    now: datetime,
    gone: Collection[tuple[str, int]] = (),
) -> None:
    """From this transaction on, `new` (a row) is read in the place of `old`, or nothing is.

    `moved` are the segments that are in the new file, `gone` those of which nothing is left.
    RuntimeError when one of them is not in the lake: nothing may be replaced then.
    """
    replaced = await connection.execute(
        update(lake_files)
        .where(lake_files.c.file.in_(old), lake_files.c.replaced_at.is_(None))
        .values(replaced_at=now)
    )
    if replaced.rowcount != len(old):
        raise RuntimeError("a file was replaced by somebody else")
    if new is not None:
        await connection.execute(insert(lake_files).values(**new))
        await _change(connection, _MOVE, moved, old=list(old), new=new["file"])
    await _change(connection, _FORGET, gone)


async def live_elsewhere(
    connection: AsyncConnection, old: Sequence[str], held: Collection[tuple[str, int]]
) -> set[tuple[str, int]]:
    """Which of these segments are also in a file besides `old` that still has records."""
    rows = await connection.execute(_LIVE_ELSEWHERE, _columns(held) | {"old": list(old)})
    return {(row.stream, row.segment) for row in rows}


async def _change(
    connection: AsyncConnection,
    change: TextClause,
    held: Collection[tuple[str, int]],
    **values: Any,
) -> None:
    changed = await connection.execute(change, _columns(held) | values)
    if changed.rowcount != len(held):
        raise RuntimeError("a file of the lake names a segment that was never ingested")


def _columns(held: Collection[tuple[str, int]]) -> dict[str, list[Any]]:
    pairs = sorted(held)
    return {
        "streams": [stream for stream, _ in pairs],
        "numbers": [number for _, number in pairs],
    }


async def forget_replaced(database: Database, lake: Lake) -> int:
    """Remove the files nobody can still be reading; returns how many. May be killed anywhere."""
    before = database.clock.now() - timedelta(seconds=REPLACED_KEPT_S)
    async with database.connect() as connection:
        found = await connection.execute(
            select(lake_files.c.file)
            .where(lake_files.c.replaced_at < before)
            .limit(EXPIRED_AT_ONCE)
        )
        files = list(found.scalars())
    for file in files:
        await asyncio.to_thread(lake.remove, file)
    if files:
        async with database.engine.begin() as connection:
            await connection.execute(delete(lake_files).where(lake_files.c.file.in_(files)))
    return len(files)
