"""Questions that come together are asked together, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from weir.store.batching import KeyBatcher
from weir.store.declares import GATHERED_QUESTIONS


class Engine:
    """Squares numbers, when it is let, and remembers what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()

    async def ask(self, keys: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(keys))
        await self.open.wait()
        if -1 in keys:
            raise ValueError("not a number to square")
        return [key * key for key in keys]


async def asked(engine: Engine, times: int) -> None:
    while len(engine.batches) < times:
        await asyncio.sleep(0)


async def test_who_comes_in_one_step_is_asked_for_at_once() -> None:
    engine = Engine()
    engine.open.set()
    gathering = KeyBatcher(engine.ask)
    assert await asyncio.gather(*(gathering.of(n) for n in range(5))) == [0, 1, 4, 9, 16]
    assert engine.batches == [[0, 1, 2, 3, 4]]


async def test_who_comes_while_a_batch_is_under_way_is_in_the_next() -> None:
    engine = Engine()
    gathering = KeyBatcher(engine.ask)
    first = asyncio.create_task(gathering.of(1))
    await asked(engine, 1)
    later = [asyncio.create_task(gathering.of(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    engine.open.set()
    assert await asyncio.gather(first, *later) == [1, 4, 9]
    assert engine.batches == [[1], [2, 3]]


async def test_a_batch_is_bounded() -> None:
    engine = Engine()
    engine.open.set()
    gathering = KeyBatcher(engine.ask)
    count = GATHERED_QUESTIONS + 1
    assert len(await asyncio.gather(*(gathering.of(n) for n in range(count)))) == count
    assert [len(batch) for batch in engine.batches] == [GATHERED_QUESTIONS, 1]


async def test_a_batch_that_fails_fails_for_those_in_it_and_nobody_else() -> None:
    engine = Engine()
    gathering = KeyBatcher(engine.ask)
    failing = [asyncio.create_task(gathering.of(n)) for n in (2, -1)]
    await asked(engine, 1)
    later = asyncio.create_task(gathering.of(3))
    await asyncio.sleep(0)
    engine.open.set()
    for each in failing:
        with pytest.raises(ValueError, match="square"):
            await each
    assert await later == 9


async def test_who_goes_away_leaves_the_others_their_answers() -> None:
    engine = Engine()
    gathering = KeyBatcher(engine.ask)
    going, staying = (asyncio.create_task(gathering.of(n)) for n in (2, 3))
    await asked(engine, 1)
    going.cancel()
    await asyncio.sleep(0)
    engine.open.set()
    assert await staying == 9
    assert going.cancelled()
