"""Merging small files of the lake: nothing lost, doubled or unprovable, wherever it is killed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from money_world import NOVEMBER_US, World
from sqlalchemy import select, update

from weir.metering.declares import REPLACED_KEPT_S
from weir.metering.lake import compaction, manifest, queries, receipts
from weir.metering.lake.compaction import CompactionCounts, compact
from weir.metering.lake.lake import Lake
from weir.metering.records.segments import Damage, read_segment
from weir.metering.tables import lake_files as table
from weir.settlement.closing import requests
from weir.settlement.statements import statements
from weir.settlement.statements.verification import verify

HOUR_US = 3_600_000_000
SEGMENTS = 5


async def bring(world: World, streams: int = 1) -> list[str]:
    """Streams of some segments, one of which touches two hours, in the lake."""
    made = []
    for _ in range(streams):
        parts = [[world.record(), world.record()] for _ in range(SEGMENTS - 1)]
        parts.append([world.record(), world.record(at_us=NOVEMBER_US + HOUR_US)])
        made.append(world.write(*parts))
    await world.ingest()
    return made


async def check(world: World, streams: list[str]) -> None:
    """Everything is there once, and every segment is provably the one that was sealed."""
    files = await world.files()
    expected = len(streams) * SEGMENTS * 2
    assert queries.count_records(world.lake, files) == expected
    assert queries.doubled_numbers(world.lake, files) == []
    async with world.database.connect() as connection:
        for stream in streams:
            for number in range(1, SEGMENTS + 1):
                sealed = read_segment(world.records, stream, number)
                found = await receipts.segment_of(connection, world.lake, stream, number)
                assert (found.seal, list(found.lines.values())) == (sealed.seal, sealed.lines)


async def close_and_verify(world: World) -> None:
    actor = world.actor(world.operator)
    closed = await requests.close(world.works, actor, period="2026-11", currency="CNY")
    async with world.database.connect() as connection:
        statement = await statements.fetch(
            connection, closed.statements[world.operator], world.operator
        )
    assert verify(statement, world.lake).difference is None


async def later(world: World) -> int:
    """Remove what was replaced, as if nobody could be reading it any more."""
    async with world.database.engine.begin() as connection:
        past = timedelta(seconds=REPLACED_KEPT_S + 1)
        await connection.execute(update(table).values(replaced_at=table.c.replaced_at - past))
    return await manifest.remove_replaced(world.database, world.lake)


async def test_an_hour_of_small_files_becomes_one_and_proves_the_same(stored: World) -> None:
    world = stored
    streams = await bring(world, 2)
    before = await world.files()
    assert len(before) == 2 * (SEGMENTS + 1)
    report = await compact(world.database, world.lake)
    assert (report.files, report.into, report.findings) == (len(before), 2, [])
    await check(world, streams)
    # Who took a list before still reads it whole.
    assert queries.count_records(world.lake, before) == len(streams) * SEGMENTS * 2
    assert await later(world) == len(before)
    assert world.lake.files() == await world.files()
    await check(world, streams)
    assert (await compact(world.database, world.lake)).into == 0
    await close_and_verify(world)


async def test_late_segments_are_merged_with_what_was_merged(world: World) -> None:
    streams = await bring(world)
    await compact(world.database, world.lake)
    streams += await bring(world)
    report = await compact(world.database, world.lake)
    assert report.into == 2
    assert len(await world.files()) == 2
    await check(world, streams)
    await later(world)
    await check(world, streams)


async def test_the_running_hour_waits_until_it_is_worth_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_us = int(world.database.clock.now().timestamp() * 1e6)
    world.write(*([world.record(at_us=now_us)] for _ in range(4)))
    await world.ingest()
    assert (await compact(world.database, world.lake)).into == 0
    monkeypatch.setattr(compaction, "MERGE_FILES", 4)
    assert (await compact(world.database, world.lake)).into == 1
    assert queries.count_records(world.lake, await world.files()) == 4


async def test_workers_at_the_same_time_merge_each_file_once(world: World) -> None:
    streams = await bring(world, 3)
    reports = await asyncio.gather(*(compact(world.database, world.lake) for _ in range(4)))
    assert sum(report.files for report in reports) == 3 * (SEGMENTS + 1)
    await check(world, streams)


class CrashError(Exception):
    """Stands for the process dying right there."""


class CrashingLake(Lake):
    """A lake whose merging process dies before or after it has written a file."""

    writes_first = False

    def put(self, file: str, data: bytes) -> None:
        if self.writes_first:
            super().put(file, data)
        raise CrashError


@pytest.mark.parametrize("writes_first", [False, True])
async def test_a_merge_that_was_killed_changed_nothing_and_is_done_again(
    world: World, writes_first: bool
) -> None:
    streams = await bring(world)
    crashing = CrashingLake(world.lake.root)
    crashing.writes_first = writes_first
    with pytest.raises(CrashError):
        await compact(world.database, crashing)
    await check(world, streams)
    # More came meanwhile, so the next merge is of other files: what the killed one left is removed.
    streams += await bring(world)
    assert (await compact(world.database, world.lake)).into == 2
    await check(world, streams)
    await later(world)
    assert world.lake.files() == await world.files()


async def test_a_merge_killed_while_it_commits_is_there_whole_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = await bring(world)
    replace = manifest.replace

    async def dies(*given: object) -> None:
        await replace(*given)  # type: ignore[arg-type]
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(manifest, "replace", dies)
        with pytest.raises(CrashError):
            await compact(world.database, world.lake)
    await check(world, streams)
    await compact(world.database, world.lake)
    await check(world, streams)


async def test_removing_what_was_replaced_may_be_killed_anywhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = await bring(world)
    await compact(world.database, world.lake)
    old = sorted(set(world.lake.files()) - set(await world.files()))
    world.lake.remove(old[0])  # where it was killed: the file is gone, its row is not
    assert await later(world) == len(old)
    await check(world, streams)


async def test_what_is_not_what_was_written_is_named_and_left_alone(world: World) -> None:
    streams = await bring(world, 2)
    broken = (await world.files())[0]
    await asyncio.to_thread(world.lake.put, broken, b"not parquet")
    report: CompactionCounts = await compact(world.database, world.lake)
    assert [(each.file, each.damage) for each in report.findings] == [(broken, Damage.ALTERED)]
    assert report.into == 2
    async with world.database.connect() as connection:
        rows = await connection.execute(select(table.c.file).where(table.c.replaced_at.is_(None)))
        left = set(rows.scalars())
    assert broken in left
    good = [file for file in left if file != broken]
    assert queries.count_records(world.lake, good) == len(streams) * SEGMENTS * 2 - 2
