"""Segments into the lake, exactly once.

A segment is in the lake if and only if its row is in `segments`. The files are written first, under
names that do not depend on who writes them, and the row last; so a crash between the two leaves
files that the next run writes again with the same content. One stream is ingested by one worker at
a time, under an advisory lock that ends with the transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.metering.lake import Lake, instant
from weir.metering.records import FIRST_PREVIOUS_SHA256, SEALED_SUFFIX, segment_path
from weir.metering.segments import Chain, Damage, Finding, Segment, SegmentDamaged, read_segment
from weir.metering.segments import streams as streams_under
from weir.metering.tables import segments
from weir.store.database import Database
from weir.store.unit import Actor

INGEST: Final = Actor(organisation="", subject="worker:ingest")

_LOCK_STREAM = text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended(:stream, 7161))"  # our own lock space
)


@dataclass(slots=True)
class Ingested:
    """What one run brought into the lake, and what it found damaged and left alone."""

    segments: int = 0
    records: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of what the lake holds of a stream."""

    segment: int = 0
    last_number: int = 0
    sha256: str = FIRST_PREVIOUS_SHA256


async def ingest(database: Database, folder: Path, lake: Lake) -> Ingested:
    """Bring every sealed segment under `folder` that the lake has not got into it.

    A damaged segment stops its own stream and no other: it is reported, and what follows it waits.
    """
    report = Ingested()
    async with database.connect() as connection:
        reached = await marks(connection)
    for stream in await asyncio.to_thread(streams_under, folder):
        following = reached.get(stream, Mark()).segment + 1
        while await _ingest_one(database, folder, lake, stream, following, report):
            following += 1
    return report


async def marks(connection: AsyncConnection) -> dict[str, Mark]:
    """How far each stream is in the lake."""
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
    database: Database, folder: Path, lake: Lake, stream: str, number: int, report: Ingested
) -> bool:
    """One segment, in one transaction. False when the stream holds nothing more to do now."""
    if not segment_path(folder, stream, number, SEALED_SUFFIX).exists():
        if segment_path(folder, stream, number + 1, SEALED_SUFFIX).exists():
            detail = "there is no such file, but the next one is there"
            report.findings.append(Finding(stream, number, Damage.DROPPED, detail))
        return False
    async with database.unit(INGEST) as unit:
        if not await unit.connection.scalar(_LOCK_STREAM, {"stream": stream}):
            return False
        mark = await _mark(unit.connection, stream)
        if mark.segment >= number:  # another worker was here between our look and our lock
            return True
        try:
            segment, files = await asyncio.to_thread(_carry, folder, lake, stream, mark)
        except SegmentDamaged as damaged:
            report.findings.append(damaged.finding)
            return False
        row = _row(segment, files) | {"ingested_at": unit.now}
        await unit.connection.execute(insert(segments).values(row))
    report.segments += 1
    report.records += segment.footer.records
    return True


async def _mark(connection: AsyncConnection, stream: str) -> Mark:
    row = (
        await connection.execute(
            select(segments.c.segment, segments.c.last_number, segments.c.sha256)
            .where(segments.c.stream == stream)
            .order_by(segments.c.segment.desc())
            .limit(1)
        )
    ).first()
    return Mark(row.segment, row.last_number, row.sha256) if row else Mark()


def _carry(folder: Path, lake: Lake, stream: str, mark: Mark) -> tuple[Segment, list[str]]:
    """Check the segment after `mark` and write it to the lake."""
    segment = read_segment(folder, stream, mark.segment + 1)
    Chain(stream, mark.sha256, mark.segment, mark.last_number).link(segment)
    return segment, lake.write_segment(segment)


def _row(segment: Segment, files: list[str]) -> dict[str, object]:
    header, footer = segment.header, segment.footer
    arrivals = [record.at_us for record in segment.records]
    return {
        "stream": header.stream,
        "segment": header.segment,
        "first_number": header.first_number,
        "last_number": footer.last_number,
        "records": footer.records,
        "sha256": footer.sha256,
        "previous_sha256": header.previous_sha256,
        "first_at": instant(min(arrivals)),
        "last_at": instant(max(arrivals)),
        "recovered": footer.recovered,
        "files": files,
    }
