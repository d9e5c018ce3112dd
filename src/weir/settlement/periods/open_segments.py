"""Segments a closing counts: they touch its period, and no closing has counted them yet.

A busy day has a million segments, so the database joins them to runs and nothing here reads them
one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Subquery, Text, cast, exists, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.metering.tables import segments
from weir.settlement.documents import Run
from weir.settlement.periods.periods import Period
from weir.settlement.tables import closing_runs, closings

Span = tuple[str, int, int]  # stream, first and last of consecutive segments


@dataclass(frozen=True, slots=True)
class Unclosed:
    """Runs of consecutive segments, the lake's files they are in, and their count of records."""

    runs: list[Run]
    files: list[str]
    records: int


async def find(connection: AsyncConnection, period: Period, currency: str | None) -> Unclosed:
    """Find the segments that a closing of the period in this currency would count now.

    Without a currency, find all segments of the period.
    """
    chosen = _chosen(period, currency)
    files = cast(chosen.c.files, Text).label("files")
    grouped = await connection.execute(
        select(chosen.c.stream, files, *_span(chosen)).group_by(chosen.c.stream, chosen.c.files)
    )
    rows = grouped.all()
    broken = {row.stream for row in rows if row.last - row.first + 1 != row.segments}
    spans = [(row.stream, row.first, row.last) for row in rows if row.stream not in broken]
    if broken:
        spans += await _islands(connection, chosen, broken)
    return Unclosed(
        await _runs(connection, _joined(spans)),
        sorted({file for each in {row.files for row in rows} for file in json.loads(each)}),
        sum(int(row.records) for row in rows),
    )


def _span(chosen: Subquery) -> list[ColumnElement[Any]]:
    """Columns of a group of segments: first and last number, count, and sum of records."""
    return [
        func.min(chosen.c.segment).label("first"),
        func.max(chosen.c.segment).label("last"),
        func.count().label("segments"),
        func.sum(chosen.c.records).label("records"),
    ]


async def _islands(connection: AsyncConnection, chosen: Subquery, streams: Set[str]) -> list[Span]:
    """Return the runs of streams that have a group with gaps between its segments.

    This sorts their segments, which `find` avoids for all other streams.
    """
    place = func.row_number().over(partition_by=chosen.c.stream, order_by=chosen.c.segment)
    island = (chosen.c.segment - place).label("island")
    placed = (
        select(chosen.c.stream, chosen.c.segment, island)
        .where(chosen.c.stream.in_(streams))
        .subquery()
    )
    found = await connection.execute(
        select(placed.c.stream, func.min(placed.c.segment), func.max(placed.c.segment)).group_by(
            placed.c.stream, placed.c.island
        )
    )
    return [(stream, first, last) for stream, first, last in found]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Join spans that follow one another; sorted by stream, then first segment."""
    runs: list[Span] = []
    for stream, first, last in sorted(spans):
        if runs and runs[-1][0] == stream and runs[-1][2] + 1 == first:
            runs[-1] = (stream, runs[-1][1], last)
        else:
            runs.append((stream, first, last))
    return runs


def _chosen(period: Period, currency: str | None) -> Subquery:
    """Select the segments of the period that no closing of it in this currency has counted."""
    counted = (
        exists()
        .where(closing_runs.c.closing == closings.c.id)
        .where(closings.c.currency == currency, closings.c.reopening.is_(None))
        .where(closings.c.since == period.since, closings.c.until == period.until)
        .where(closing_runs.c.stream == segments.c.stream)
        .where(closing_runs.c.first_segment <= segments.c.segment)
        .where(closing_runs.c.last_segment >= segments.c.segment)
    )
    return (
        select(segments.c.stream, segments.c.segment, segments.c.records, segments.c.files)
        .where(segments.c.first_at < period.until, segments.c.last_at >= period.since)
        .where(~counted if currency is not None else true())
        .subquery()
    )


async def _runs(connection: AsyncConnection, spans: Sequence[Span]) -> list[Run]:
    """Return the spans as runs, with the hashes at their two ends."""
    ends = {(stream, n) for stream, first, last in spans for n in (first, last)}
    found = await connection.execute(
        select(
            segments.c.stream, segments.c.segment, segments.c.previous_sha256, segments.c.sha256
        ).where(tuple_(segments.c.stream, segments.c.segment).in_(ends))
    )
    hashes = {(row.stream, row.segment): (row.previous_sha256, row.sha256) for row in found}
    return [
        Run(stream, first, last, hashes[stream, first][0], hashes[stream, last][1])
        for stream, first, last in spans
    ]
