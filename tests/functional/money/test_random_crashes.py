"""The whole path of a record under random crashes, replays and interleavings.

The real writer, sealer, ingest, merging and removal, on a real database; only the moment at which a
process dies is chosen here. Whatever the order: stored = answered, and none twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest
from money_world import NOVEMBER_US, World, mint
from sqlalchemy import func, select, update

from seals import KEYS, seal_all
from weir.metering.declares import REPLACED_KEPT_S
from weir.metering.lake import manifest, queries
from weir.metering.lake.compaction import compact
from weir.metering.lake.ingest import ingest
from weir.metering.lake.lake import Lake
from weir.metering.records import sealer
from weir.metering.records.segments import verify_stream
from weir.metering.records.writer import RecordWriter
from weir.metering.tables import lake_files as files_table
from weir.metering.tables import segments

HOUR_US = 3_600_000_000
STEPS = 60


class DeathError(Exception):
    """Stands for the process dying right there."""


class MortalLake(Lake):
    """A lake whose writer dies before or after its next write, or does not."""

    lives = 99
    tidy = True

    def put(self, file: str, data: bytes) -> None:
        self.lives -= 1
        if self.lives < 0 and self.tidy:
            raise DeathError
        super().put(file, data)
        if self.lives < 0:
            raise DeathError


@dataclass
class Story:
    """What happened so far. `answered` holds the interactions whose records were acknowledged."""

    world: World
    dice: Random
    writers: list[RecordWriter] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def lake(self) -> MortalLake:
        lake = MortalLake(self.world.lake.root)
        lake.lives = self.dice.choice([0, 1, 3, 99])
        lake.tidy = self.dice.random() < 0.5
        return lake

    async def write(self) -> None:
        if not self.writers or self.dice.random() < 0.1:
            self.writers.append(RecordWriter.open(self.world.records, mint("str")))
        writer = self.dice.choice(self.writers)
        for _ in range(self.dice.randint(1, 4)):
            record = self.world.record(at_us=NOVEMBER_US + self.dice.randrange(3) * HOUR_US)
            writer.write(record)
            self.answered.append(record.interaction_id)

    async def finish(self) -> None:
        if self.writers:
            self.dice.choice(self.writers).seal()

    async def kill(self) -> None:
        """A gateway dies, perhaps in the middle of a line whose answer then never left."""
        if not self.writers:
            return
        writer = self.writers.pop(self.dice.randrange(len(self.writers)))
        writer.close_without_sealing()
        torn = sorted((self.world.records / writer.stream).glob("*.open"))
        if torn and self.dice.random() < 0.5:
            with torn[-1].open("ab") as out:
                out.write(b'{"number":99,"at_us":17938')

    async def seal(self) -> None:
        """A worker seals, and may die between any two files that it writes."""
        lives = self.dice.choice([0, 1, 2, 99])
        whole = sealer._write_whole

        def mortal(*given: object) -> None:
            nonlocal lives
            lives -= 1
            if lives < 0:
                raise DeathError
            whole(*given)  # type: ignore[arg-type]

        sealer._write_whole = mortal  # type: ignore[assignment]
        try:
            await dies(asyncio.to_thread(seal_all, self.world.records))
        finally:
            sealer._write_whole = whole

    async def ingest(self) -> None:
        """Up to three workers at once, each of which may die."""
        runs = [
            dies(ingest(self.world.database, self.world.records, self.lake(), KEYS))
            for _ in range(self.dice.randint(1, 3))
        ]
        await asyncio.gather(*runs)

    async def merge(self) -> None:
        runs = [
            dies(compact(self.world.database, self.lake())) for _ in range(self.dice.randint(1, 2))
        ]
        await asyncio.gather(*runs)

    async def remove(self) -> None:
        """An hour passes, and what was merged is removed."""
        past = timedelta(seconds=REPLACED_KEPT_S + 1)
        async with self.world.database.engine.begin() as connection:
            await connection.execute(
                update(files_table).values(replaced_at=files_table.c.replaced_at - past)
            )
        await manifest.remove_replaced(self.world.database, self.world.lake)

    async def read(self) -> None:
        """Whoever asks now sees every ingested record once."""
        async with self.world.database.connect() as connection:
            files = await manifest.list_files(connection)
            ingested = await connection.scalar(select(func.sum(segments.c.records)))
        assert queries.count_records(self.world.lake, files) == int(ingested or 0)
        assert queries.doubled_numbers(self.world.lake, files) == []


async def dies(work: Awaitable[object]) -> None:
    with suppress(DeathError):
        await work


@pytest.mark.parametrize("seed", range(4))
async def test_what_was_answered_is_stored_once_whatever_breaks(world: World, seed: int) -> None:
    story = Story(world, Random(seed))
    steps: list[Callable[[], Awaitable[None]]] = [
        *[story.write] * 4,
        *[story.seal, story.ingest, story.merge] * 2,
        *(story.finish, story.kill, story.remove, story.read),
    ]
    for _ in range(STEPS):
        await story.dice.choice(steps)()
    while story.writers:
        await story.kill()
    await world.ingest()
    await compact(world.database, world.lake)
    await story.remove()
    await story.read()
    files = await world.files()
    tally = queries.compare(world.lake, files, story.answered)
    assert (tally.missing, tally.duplicated) == (0, 0)
    assert queries.count_records(world.lake, files) == len(story.answered) == tally.stored
    assert world.lake.files() == files
    async with world.database.connect() as connection:
        rows = await connection.execute(
            select(segments.c.stream, func.max(segments.c.segment)).group_by(segments.c.stream)
        )
    for stream, last in rows.all():
        assert verify_stream(world.records, stream, last, KEYS) == []
