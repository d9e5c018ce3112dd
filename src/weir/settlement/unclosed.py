"""Which records a closing is made of: the segments that touch its period and were not counted yet.

A busy day has a million segments, so the database joins them to runs and nothing here reads them
one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Subquery, exists, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.metering.tables import segments
from weir.settlement.documents import Run
from weir.settlement.periods import Period
from weir.settlement.tables import closing_runs, closings


@dataclass(frozen=True, slots=True)
class Unclosed:
    """Runs of consecutive segments, the files of the lake they are in, and how many records."""

    runs: list[Run]
    files: list[str]
    records: int


async def find(connection: AsyncConnection, period: Period, currency: str | None) -> Unclosed:
    """What a closing of the period in this currency would count now; without one, all there is."""
    chosen = _chosen(period, currency)
    joined = await connection.execute(
        select(
            chosen.c.stream,
            func.min(chosen.c.segment).label("first_segment"),
            func.max(chosen.c.segment).label("last_segment"),
            func.sum(chosen.c.records).label("records"),
        )
        .group_by(chosen.c.stream, chosen.c.island)
        .order_by(chosen.c.stream, func.min(chosen.c.segment))
    )
    rows = joined.all()
    named = func.jsonb_array_elements_text(chosen.c.files).label("file")
    files = await connection.execute(select(named).distinct())
    return Unclosed(
        await _runs(connection, rows),
        sorted(files.scalars().all()),
        sum(int(row.records) for row in rows),
    )


def _chosen(period: Period, currency: str | None) -> Subquery:
    """The segments, each with the number that all of its run share (gaps and islands)."""
    counted = (
        exists()
        .where(closing_runs.c.closing == closings.c.id)
        .where(closings.c.currency == currency, closings.c.reopening.is_(None))
        .where(closings.c.since == period.since, closings.c.until == period.until)
        .where(closing_runs.c.stream == segments.c.stream)
        .where(closing_runs.c.first_segment <= segments.c.segment)
        .where(closing_runs.c.last_segment >= segments.c.segment)
    )
    place = func.row_number().over(partition_by=segments.c.stream, order_by=segments.c.segment)
    return (
        select(
            segments.c.stream,
            segments.c.segment,
            segments.c.records,
            segments.c.files,
            (segments.c.segment - place).label("island"),
        )
        .where(segments.c.first_at < period.until, segments.c.last_at >= period.since)
        .where(~counted if currency is not None else true())
        .subquery()
    )


async def _runs(connection: AsyncConnection, rows: Sequence[Any]) -> list[Run]:
    """The runs with the hashes at their two ends."""
    ends = {(row.stream, n) for row in rows for n in (row.first_segment, row.last_segment)}
    found = await connection.execute(
        select(
            segments.c.stream, segments.c.segment, segments.c.previous_sha256, segments.c.sha256
        ).where(tuple_(segments.c.stream, segments.c.segment).in_(ends))
    )
    hashes = {(row.stream, row.segment): (row.previous_sha256, row.sha256) for row in found}
    return [
        Run(
            row.stream,
            row.first_segment,
            row.last_segment,
            hashes[row.stream, row.first_segment][0],
            hashes[row.stream, row.last_segment][1],
        )
        for row in rows
    ]
