"""Ingest of sealed segments into the lake, exactly once.

A segment is in the lake if and only if its row is in `segments`. The files are written first, under
names that do not depend on the worker, and the row last; so a crash between the two leaves files
that the next run writes again with the same content. One stream is ingested by one worker at a
time, under an advisory lock that ends with the transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.seals import NO_PREVIOUS
from weir.metering.declares import STREAM_LOCK
from weir.metering.lake import manifest
from weir.metering.lake.columns import to_datetime
from weir.metering.lake.lake import Lake
from weir.metering.records import seal_log
from weir.metering.records.records import segment_path
from weir.metering.records.segments import (
    SEAL_SUFFIX,
    Chain,
    Damage,
    Finding,
    Keys,
    Segment,
    SegmentDamaged,
    read_segment,
)
from weir.metering.records.segments import streams as streams_under
from weir.metering.tables import segments
from weir.store.database import Database
from weir.store.locks import try_hold
from weir.store.unit import Actor

INGEST: Final = Actor(organisation="", subject="worker:ingest")


class _Arrival(msgspec.Struct, gc=False):
    """The one member that is read of a line that was checked already."""

    at_us: int


_decode_arrival = msgspec.json.Decoder(_Arrival).decode


@dataclass(slots=True)
class IngestCounts:
    """Counts of one run, and the damaged segments it left alone."""

    segments: int = 0
    records: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a stream in the lake: its newest segment, that one's last record and hash."""

    segment: int = 0
    last_number: int = 0
    sha256: str = NO_PREVIOUS


async def ingest(database: Database, folder: Path, lake: Lake, keys: Keys) -> IngestCounts:
    """Ingest every sealed segment under `folder` that the lake does not hold yet.

    Only segments signed by one of `keys` are taken. Each seal becomes a leaf of the tree of all
    seals in the same transaction. A damaged segment is reported and stops its own stream and no
    other: the segments that follow it wait.
    """
    report = IngestCounts()
    async with database.connect() as connection:
        reached = await marks(connection)
    for stream in await asyncio.to_thread(streams_under, folder):
        following = reached.get(stream, Mark()).segment + 1
        while await _ingest_one(database, folder, lake, keys, stream, following, report):
            following += 1
    return report


async def marks(connection: AsyncConnection) -> dict[str, Mark]:
    """Return the mark of each stream in the lake."""
    newest = (
        select(segments.c.stream, func.max(segments.c.segment).label("segment"))
        .group_by(segments.c.stream)
        .subquery()
    )
    rows = await connection.execute(
        select(segments.c.stream, segments.c.segment, segments.c.last_number, segments.c.sha256)
        .join(newest, (segments.c.stream == newest.c.stream))
        .where(segments.c.segment == newest.c.segment)
    )
    return {row.stream: Mark(row.segment, row.last_number, row.sha256) for row in rows}


async def _ingest_one(
    database: Database,
    folder: Path,
    lake: Lake,
    keys: Keys,
    stream: str,
    number: int,
    report: IngestCounts,
) -> bool:
    """Ingest one segment in one transaction. False when the stream has nothing more to do now."""
    if not segment_path(folder, stream, number, SEAL_SUFFIX).exists():
        if segment_path(folder, stream, number + 1, SEAL_SUFFIX).exists():
            detail = "there is no such file, but the next one is there"
            report.findings.append(Finding(stream, number, Damage.DROPPED, detail))
        return False
    async with database.unit(INGEST) as unit:
        if not await try_hold(unit.connection, STREAM_LOCK, stream):
            return False
        mark = await _mark(unit.connection, stream)
        if mark.segment >= number:  # another worker ingested it before this one had the lock
            return True
        try:
            segment, files = await asyncio.to_thread(_carry, folder, lake, keys, stream, mark)
        except SegmentDamaged as damaged:
            report.findings.append(damaged.finding)
            return False
        leaf = await seal_log.append(unit.connection, segment.seal)
        await manifest.add(unit.connection, files)
        row = _row(segment, list(files)) | {"ingested_at": unit.now, "leaf": leaf}
        await unit.connection.execute(insert(segments).values(row))
    report.segments += 1
    report.records += segment.seal.records
    return True


async def _mark(connection: AsyncConnection, stream: str) -> Mark:
    """Return one stream's mark."""
    row = (
        await connection.execute(
            select(segments.c.segment, segments.c.last_number, segments.c.sha256)
            .where(segments.c.stream == stream)
            .order_by(segments.c.segment.desc())
            .limit(1)
        )
    ).first()
    return Mark(row.segment, row.last_number, row.sha256) if row else Mark()


def _carry(
    folder: Path, lake: Lake, keys: Keys, stream: str, mark: Mark
) -> tuple[Segment, dict[str, int]]:
    """Check the segment after `mark` and write it to the lake.

    Return the segment, and the number of its records in each file written. SegmentDamaged.
    """
    segment = read_segment(folder, stream, mark.segment + 1)
    Chain(stream, mark.sha256, mark.segment, mark.last_number, keys=keys).link(segment.seal)
    return segment, lake.write_segment(segment)


def _row(segment: Segment, files: list[str]) -> dict[str, object]:
    """Return the segment's row of `segments`, without `ingested_at` and `leaf`."""
    seal = segment.seal
    first_us, last_us = arrivals(segment)
    return {
        "stream": seal.stream,
        "segment": seal.segment,
        "first_number": seal.first,
        "last_number": seal.last,
        "records": seal.records,
        "sha256": seal.sha256,
        "previous_sha256": seal.previous,
        "first_at": to_datetime(first_us),
        "last_at": to_datetime(last_us),
        "files": files,
        "state": seal.state,
        "seal": msgspec.to_builtins(seal),
    }


def arrivals(segment: Segment) -> tuple[int, int]:
    """Return the arrival of the segment's first and last call, in Unix microseconds.

    For an empty segment both are the time it was sealed.
    """
    if not segment.lines:
        return segment.seal.sealed_at_us, segment.seal.sealed_at_us
    arrived_us = [_decode_arrival(line).at_us for line in segment.lines]
    return min(arrived_us), max(arrived_us)
