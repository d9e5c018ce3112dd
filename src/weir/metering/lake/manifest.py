"""Manifest of the lake: the files that are to be read, as PostgreSQL lists them.

A query takes its list here, in one statement, so it sees each record once, even if files are merged
meanwhile. Replaced files stay where they are for `REPLACED_KEPT_S`, longer than a query may take; a
query that takes longer fails, since a file it names is gone.
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

# Names the new file in each segment that was in one of the old files.
_MOVE: Final = text("""
    UPDATE segments
       SET files = (SELECT coalesce(jsonb_agg(DISTINCT
                                  CASE WHEN file = ANY(CAST(:old AS text[]))
                                       THEN CAST(:new AS text) ELSE file END), '[]'::jsonb)
                      FROM jsonb_array_elements_text(segments.files) AS file)
      FROM unnest(CAST(:streams AS text[]), CAST(:numbers AS bigint[])) AS held (stream, segment)
     WHERE segments.stream = held.stream AND segments.segment = held.segment
""")

# These segments have no records left; subtrees for them in other files prove nothing any more.
_FORGET: Final = text("""
    UPDATE segments
       SET files = '[]'::jsonb
      FROM unnest(CAST(:streams AS text[]), CAST(:numbers AS bigint[])) AS held (stream, segment)
     WHERE segments.stream = held.stream AND segments.segment = held.segment
""")

# A file of all classes always has records, though older rows have no count of them.
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
    """Add the files of one segment, with the number of records in each."""
    rows = [
        {"file": file, "hour": hour_of(file), "records": records, "segments": 1, "holds": "all"}
        for file, records in files.items()
    ]
    if rows:
        await connection.execute(insert(lake_files), rows)


async def list_files(
    connection: AsyncConnection, since: datetime | None = None, until: datetime | None = None
) -> list[str]:
    """Return the files that hold the ingested records of this time.

    They may hold other records of their hours.
    """
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
    """Return the files of these days (UTC, both included), by name and after the name `after`."""
    begin = None if since is None else datetime.combine(since, time(), UTC)
    end = None if until is None else datetime.combine(until, time(), UTC) + timedelta(days=1)
    wanted = _between(begin, end).where(lake_files.c.file > after).limit(most)
    return list((await connection.execute(wanted)).scalars())


async def of_hour(connection: AsyncConnection, hour: datetime) -> list[Any]:
    """Return the rows of an hour's files that are to be read, by name."""
    rows = await connection.execute(
        select(lake_files)
        .where(lake_files.c.hour == hour, lake_files.c.replaced_at.is_(None))
        .order_by(lake_files.c.file)
    )
    return list(rows.all())


async def names_in(connection: AsyncConnection, hour: datetime) -> set[str]:
    """Return every file of an hour that is read, or that a query may still be reading."""
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
    """Replace the files `old` by `new` (a row of `lake_files`) from this transaction on.

    Without `new`, the old ones are only taken out. `moved` are the segments in the new file, `gone`
    the segments of which no record is left. RuntimeError when another process replaced a file, or
    one of the segments was never ingested: nothing may be replaced then.
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
    """Return the segments of `held` that a file besides `old` still has records of."""
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
    """Return (stream, segment) pairs as the arrays that the statements above take."""
    pairs = sorted(held)
    return {
        "streams": [stream for stream, _ in pairs],
        "numbers": [number for _, number in pairs],
    }


async def remove_replaced(database: Database, lake: Lake) -> int:
    """Remove replaced files that no query can still be reading; return their number.

    May be killed anywhere.
    """
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
