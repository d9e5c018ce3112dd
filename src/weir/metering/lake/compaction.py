"""Compaction: small files of the lake are merged, and readers see each record exactly once.

Segments are small, so that they are sealed soon; an hour of them would be thousands of files. Files
of one hour are merged into one that holds the same rows and all their seals. It is written first,
under a name that follows from its parts; then one transaction makes it the one to be read. A merge
that is killed before leaves a file that is never read, and the next run of the hour writes it anew
or removes it. Hours are taken under a lock, so several workers may do this at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

import pyarrow as pa
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.seals import Seal
from weir.metering import tables
from weir.metering.declares import (
    HOUR_LOCK,
    MERGE_AFTER_S,
    MERGE_FILES,
    MERGED_RECORDS,
    MERGED_SEGMENTS,
)
from weir.metering.lake import manifest
from weir.metering.lake.columns import merge, partition
from weir.metering.lake.lake import BROKEN, Lake
from weir.metering.records.segments import Damage
from weir.store.database import Database
from weir.store.locks import try_hold
from weir.store.unit import Actor

COMPACTION: Final = Actor(organisation="", subject="worker:compaction")
MERGED: Final = "merged"  # the prefix of merged files' names


class LakeFile(Protocol):
    """A file of one hour: a row of `lake_files`."""

    @property
    def file(self) -> str: ...
    @property
    def records(self) -> int: ...
    @property
    def segments(self) -> int: ...


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file of the lake that differs from what was written; it is left as it is."""

    file: str
    damage: Damage
    detail: str

    def __str__(self) -> str:
        return f"{self.file} {self.damage.value}: {self.detail}"


class BrokenFileError(Exception):
    """Raised when a file cannot be replaced, since it differs from what was written."""

    def __init__(self, file: str, damage: Damage, detail: str) -> None:
        self.finding = BrokenFile(file, damage, detail)


@dataclass(slots=True)
class CompactionCounts:
    """Counts of one run, and the damaged files it left alone."""

    files: int = 0  # files that were merged
    into: int = 0  # files they were merged into
    findings: list[BrokenFile] = field(default_factory=list)


async def compact(database: Database, lake: Lake) -> CompactionCounts:
    """Merge every group of files that is worth merging, in all hours."""
    report = CompactionCounts()
    now = database.clock.now()
    async with database.connect() as connection:
        hours = await _hours(connection, now)
    for hour in hours:
        while await _merge_one(database, lake, hour, now, report):
            pass
    return report


async def _hours(connection: AsyncConnection, now: datetime) -> list[datetime]:
    """Return the hours that have files worth merging."""
    files = tables.lake_files
    rows = await connection.execute(
        select(files.c.hour)
        .where(files.c.replaced_at.is_(None), files.c.holds == "all")
        .where(files.c.records < MERGED_RECORDS // 2)
        .where(files.c.segments < MERGED_SEGMENTS // 2)
        .group_by(files.c.hour)
        .having(
            or_(
                func.count() >= MERGE_FILES,
                (func.count() > 1) & (files.c.hour < _over(now)),
            )
        )
        .order_by(files.c.hour)
    )
    return [row.hour for row in rows]


def _over(now: datetime) -> datetime:
    """Return a time: hours that began before it are over, and their segments are in the lake."""
    return now - manifest.HOUR - timedelta(seconds=MERGE_AFTER_S)


def next_group(files: Sequence[LakeFile], *, is_over: bool) -> list[LakeFile]:
    """Return the next files of an hour to merge into one, by name; none when it is not worth it.

    While the hour runs, only files of single segments are taken, and many at a time, so that a
    record is written two or three times in all.
    """
    group: list[LakeFile] = []
    records = segments = 0
    for each in files:
        if each.records >= MERGED_RECORDS // 2:
            continue
        if each.segments >= (MERGED_SEGMENTS // 2 if is_over else 2):
            continue
        full = records + each.records > MERGED_RECORDS or segments + each.segments > MERGED_SEGMENTS
        if full and len(group) > 1:
            break
        if full:
            group, records, segments = [], 0, 0
        group.append(each)
        records, segments = records + each.records, segments + each.segments
    fewest = 2 if is_over else MERGE_FILES
    return group if len(group) >= fewest else []


async def _merge_one(
    database: Database, lake: Lake, hour: datetime, now: datetime, report: CompactionCounts
) -> bool:
    """Do one merge in one transaction. False when the hour has nothing more to merge now."""
    async with database.unit(COMPACTION) as unit:
        if not await lock_hour(unit.connection, hour):
            return False
        broken = {each.file for each in report.findings}
        rows = await manifest.of_hour(unit.connection, hour)
        files = [row for row in rows if row.holds == "all" and row.file not in broken]
        group = next_group(files, is_over=hour < _over(now))
        if not group:
            return False
        named = await manifest.names_in(unit.connection, hour)
        made = await asyncio.to_thread(_write, lake, hour, group, named, report)
        if made is None:
            return True  # without the broken file, there may be another group
        seals, new = made
        moved = {(seal.stream, seal.segment) for seal in seals}
        old = [each.file for each in group]
        await manifest.replace(unit.connection, old, new, moved, unit.now)
    report.files += len(group)
    report.into += 1
    return True


async def lock_hour(connection: AsyncConnection, hour: datetime) -> bool:
    """Lock an hour so that only this transaction replaces files of it; False if it is taken."""
    return await try_hold(connection, HOUR_LOCK, hour.isoformat())


def _write(
    lake: Lake, hour: datetime, group: Sequence[LakeFile], named: set[str], report: CompactionCounts
) -> tuple[list[Seal], dict[str, Any]] | None:
    """Write the merged file; return its seals and its row of `lake_files`.

    None when one of its parts is broken, which is reported.
    """
    seals: list[Seal] = []
    folder = partition(round(hour.timestamp() * 1_000_000))
    remove_unread(lake, folder, named)
    try:
        rows, data = merge(_parts(lake, group, seals), seals)
    except BrokenFileError as error:
        report.findings.append(error.finding)
        return None
    file = f"{folder}/{name_of(MERGED, [each.file for each in group])}"
    lake.put(file, data)
    return seals, {
        "file": file,
        "hour": hour,
        "records": rows,
        "segments": len(seals),
        "holds": "all",
    }


def _parts(lake: Lake, group: Sequence[LakeFile], seals: list[Seal]) -> Iterator[pa.Table]:
    """Yield the rows of each file and collect its seals in `seals`. BrokenFileError."""
    for each in group:
        try:
            rows, found, _ = lake.table(each.file)
        except BROKEN as error:
            detail = f"it cannot be read: {type(error).__name__}"
            raise BrokenFileError(each.file, Damage.ALTERED, detail) from error
        unlike = each.records not in (0, len(rows))  # 0: older rows have no count
        if unlike or len(found) != each.segments:
            damage = Damage.DROPPED if len(rows) < each.records else Damage.ALTERED
            detail = f"{len(rows)} records of {len(found)} segments"
            expected = f"{each.records} of {each.segments} were written"
            raise BrokenFileError(each.file, damage, f"{detail}, and {expected}")
        seals += found
        yield rows


def name_of(kind: str, parts: Sequence[str]) -> str:
    """Return the name of a file that is made of others: the same parts give the same name."""
    digest = sha256("\n".join(sorted(parts)).encode()).hexdigest()
    return f"{kind}-{digest[:32]}.parquet"


def remove_unread(lake: Lake, folder: str, named: set[str]) -> None:
    """Remove files that a killed merge left in an hour whose lock is held: none is ever read."""
    for file in lake.files_in(folder):
        if file.rsplit("/", 1)[-1].startswith(f"{MERGED}-") and file not in named:
            lake.remove(file)
