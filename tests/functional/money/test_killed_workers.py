"""kill -9 of workers that ingest and merge, two at a time: nothing lost, nothing there twice."""

from __future__ import annotations

import asyncio
from random import Random

import compaction_worker
from money_world import NOVEMBER_US, World

import workers
from seals import seal_all
from weir.metering.lake import queries
from weir.metering.lake.compaction import compact
from weir.metering.records.segments import read_segment

KILLS = 2


async def test_workers_killed_at_random_moments_lose_and_double_nothing(
    world: World, database_url: str, engines: object
) -> None:
    dice = Random(7)
    valkey_url = str(engines.valkey_url)  # type: ignore[attr-defined]
    arguments = (database_url, valkey_url, world.records, world.lake.root)
    streams = []
    for _ in range(KILLS):
        pair = [workers.start(compaction_worker.work, *arguments) for _ in range(2)]
        hours = [[world.record(at_us=NOVEMBER_US + n % 3 * 3_600_000_000)] for n in range(12)]
        streams.append(await asyncio.to_thread(world.write, *hours))
        await asyncio.sleep(dice.uniform(0.02, 0.4))
        for worker in pair:
            workers.kill(worker)
    await asyncio.to_thread(seal_all, world.records)
    await world.ingest()
    assert (await compact(world.database, world.lake)).findings == []
    files = await world.files()
    assert queries.count_records(world.lake, files) == KILLS * 12
    assert queries.doubled_numbers(world.lake, files) == []
    for stream in streams:
        for number in (1, 12):
            sealed = read_segment(world.records, stream, number)
            assert world.lake.read_segment(stream, number) == sealed
