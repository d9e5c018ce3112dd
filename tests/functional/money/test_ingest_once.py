"""Ingest: every sealed record once in the lake, whatever happens on the way."""

from __future__ import annotations

import asyncio

import pytest
from money_world import NOVEMBER_US, World
from sqlalchemy import select

from weir.metering.lake import queries
from weir.metering.lake.ingest import marks
from weir.metering.lake.lake import Lake
from weir.metering.records.segments import Damage, Segment, read_segment
from weir.metering.tables import segments


async def stored(world: World) -> list[tuple[str, int, int, str]]:
    async with world.database.connect() as connection:
        rows = await connection.execute(
            select(
                segments.c.stream, segments.c.segment, segments.c.records, segments.c.sha256
            ).order_by(segments.c.stream, segments.c.segment)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def two_segments(world: World) -> str:
    return world.write([world.record() for _ in range(3)], [world.record() for _ in range(2)])


async def test_sealed_segments_are_ingested_once_however_often_it_runs(world: World) -> None:
    stream = two_segments(world)
    report = await world.ingest()
    assert (report.segments, report.records, report.findings) == (2, 5, [])
    before = await stored(world)
    assert [row[:3] for row in before] == [(stream, 1, 3), (stream, 2, 2)]
    again = await world.ingest()
    assert (again.segments, again.records) == (0, 0)
    assert await stored(world) == before
    assert queries.count_records(world.lake, await world.files()) == 5
    assert world.lake.read_segment(stream, 2) == read_segment(world.records, stream, 2)


async def test_workers_at_the_same_time_ingest_each_segment_once(world: World) -> None:
    streams = [two_segments(world) for _ in range(3)]
    reports = await asyncio.gather(*(world.ingest() for _ in range(4)))
    rest = await world.ingest()
    assert sum(report.segments for report in reports) + rest.segments == 6
    assert sum(report.records for report in reports) + rest.records == 15
    assert {row[0] for row in await stored(world)} == set(streams)
    assert queries.count_records(world.lake, await world.files()) == 15
    assert queries.doubled_numbers(world.lake, await world.files()) == []


class CrashError(Exception):
    """Stands for the process dying right there."""


class CrashingLake(Lake):
    """A lake whose writer dies after some of the files of a segment are in place."""

    survives = 0

    def put(self, file: str, data: bytes) -> None:
        if self.survives == 0:
            raise CrashError
        self.survives -= 1
        super().put(file, data)

    def write_segment(self, segment: Segment) -> dict[str, int]:
        files = super().write_segment(segment)
        if self.survives == 0:
            raise CrashError
        return files


@pytest.mark.parametrize("survives", [0, 1, 2])
async def test_a_crash_between_any_two_steps_leaves_nothing_lost_or_doubled(
    world: World, survives: int
) -> None:
    """Before the first file, between two files, and after all files but before the row."""
    stream = world.write([world.record(), world.record(at_us=NOVEMBER_US + 7_200_000_000)])
    crashing = CrashingLake(world.lake.root)
    crashing.survives = survives
    with pytest.raises(CrashError):
        await world.ingest(crashing)
    assert await stored(world) == []
    report = await world.ingest()
    assert (report.segments, report.records) == (1, 2)
    assert queries.count_records(world.lake, await world.files()) == 2
    assert world.lake.read_segment(stream, 1) == read_segment(world.records, stream, 1)


async def test_a_damaged_segment_stops_its_stream_and_no_other(world: World) -> None:
    bad, good = two_segments(world), two_segments(world)
    path = world.records / bad / "0000000001.records"
    path.write_bytes(path.read_bytes().replace(b'"status":200', b'"status":500', 1))
    report = await world.ingest()
    assert [(f.stream, f.segment, f.damage) for f in report.findings] == [(bad, 1, Damage.ALTERED)]
    assert [row[0] for row in await stored(world)] == [good, good]


async def test_a_missing_segment_is_reported(world: World) -> None:
    stream = two_segments(world)
    (world.records / stream / "0000000001.seal").unlink()
    report = await world.ingest()
    assert [f.damage for f in report.findings] == [Damage.DROPPED]
    assert await stored(world) == []


async def test_a_segment_that_does_not_follow_what_the_database_knows_is_refused(
    world: World,
) -> None:
    """Somebody rewrote a whole stream, chain and all, after its first segment was ingested."""
    stream = two_segments(world)
    second = world.records / stream / "0000000002.seal"
    kept = second.read_bytes()
    second.unlink()
    await world.ingest()
    second.write_bytes(kept)
    async with world.database.unit(world.actor(world.operator)) as unit:
        await unit.connection.execute(segments.update().values(sha256="0" * 64))
    report = await world.ingest()
    assert [(f.segment, f.damage) for f in report.findings] == [(2, Damage.ALTERED)]
    async with world.database.connect() as connection:
        assert (await marks(connection))[stream].segment == 1
