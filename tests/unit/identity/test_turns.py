"""Turns at what costs much: few at a time, shares that take turns, and a queue that stays short."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waits import rounds
from weir.identity.declares import SIGN_IN_BUSY
from weir.identity.turns import Asker, Turns
from weir.kernel.outcomes import Refusal

AT_ONCE, WAITING, EACH = 2, 12, 4


class Work:
    """Work that goes on until it is let go, and who had a turn at it."""

    def __init__(self) -> None:
        self.turns = Turns(AT_ONCE, WAITING, EACH)
        self.began: list[str] = []
        self.running = 0
        self.refused: Counter[str] = Counter()
        self._gates: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def ask(self, asker: Asker, times: int = 1) -> None:
        for _ in range(times):
            self._tasks.append(asyncio.create_task(self._one(asker)))
        await rounds()

    async def _one(self, asker: Asker) -> None:
        gate = asyncio.Event()
        try:
            async with self.turns.turn(asker):
                self.began.append(asker.share)
                self._gates.append(gate)
                self.running += 1
                assert self.running <= AT_ONCE
                await gate.wait()
                self.running -= 1
        except Refusal as refusal:
            self.refused[asker.share] += refusal.outcome is SIGN_IN_BUSY

    async def end_one(self) -> None:
        self._gates.pop(0).set()
        await rounds()

    async def end_all(self) -> None:
        while self._gates:
            await self.end_one()
        await asyncio.gather(*self._tasks)


async def test_a_flood_of_one_share_waits_for_itself_and_nobody_else_is_refused() -> None:
    work = Work()
    await work.ask(Asker("flood"), 100 * EACH)
    assert work.turns.waiting == EACH
    assert work.refused == {"flood": 100 * EACH - EACH - AT_ONCE}
    await work.ask(Asker("other"))
    await work.ask(Asker("third"))
    await work.end_one()
    await work.end_one()
    await work.end_one()
    assert work.began[AT_ONCE:] == ["flood", "other", "third"], "each waits for one of the flood's"
    await work.end_all()
    assert set(work.refused) == {"flood"}
    assert work.turns.waiting == work.running == 0


async def test_many_shares_that_fill_the_queue_make_room_for_one_that_has_less() -> None:
    work = Work()
    for number in range(100):
        await work.ask(Asker(f"flood {number % 3}"), 2 * EACH)
    assert work.turns.waiting == WAITING
    before = work.refused.total()
    await work.ask(Asker("other"))
    assert work.turns.waiting == WAITING
    assert work.refused.total() == before + 1, "the last of the longest share made room"
    await work.end_all()
    assert work.refused["other"] == 0
    assert work.began.count("other") == 1


async def test_who_has_left_loses_its_place_and_its_turn() -> None:
    work, gone = Work(), False
    await work.ask(Asker("busy"), AT_ONCE)
    await work.ask(Asker("leaving", lambda: gone), EACH)
    gone = True
    await work.ask(Asker("leaving"))
    assert work.turns.waiting == 1, "those that left made room for the one that stays"
    await work.end_one()
    assert work.began == ["busy", "busy", "leaving"]
    gone = False
    await work.ask(Asker("leaving", lambda: gone))
    gone = True
    await work.end_all()
    assert work.began == ["busy", "busy", "leaving"]
    assert work.refused == {"leaving": EACH + 1}


async def test_a_task_that_is_cancelled_in_the_queue_leaves_it() -> None:
    work = Work()
    await work.ask(Asker("busy"), AT_ONCE)
    await work.ask(Asker("ended"))
    work._tasks[-1].cancel()
    await rounds()
    assert work.turns.waiting == 0
    work._tasks.pop()
    await work.ask(Asker("next"))
    await work.end_all()
    assert work.began[-1] == "next"


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(0, 30))
def test_whatever_comes_the_queue_is_bounded_and_every_turn_is_given_back(
    shares: list[str], left: int
) -> None:
    async def run() -> None:
        turns, running = Turns(AT_ONCE, WAITING, EACH), 0
        came = iter(range(10_000))

        async def one(share: str) -> bool:
            nonlocal running
            number = next(came)
            try:
                async with turns.turn(Asker(share, lambda: number < left)):
                    running += 1
                    assert running <= AT_ONCE
                    await asyncio.sleep(0)
                    running -= 1
            except Refusal:
                return False
            return True

        tasks = [asyncio.create_task(one(share)) for share in shares]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            assert turns.waiting <= WAITING
        assert [task.result() for task in tasks].count(True) >= min(AT_ONCE, len(shares))
        assert turns.waiting == running == 0

    asyncio.run(run())


async def test_a_refusal_says_how_long_to_wait() -> None:
    turns = Turns(1, 0, 0)
    async with turns.turn(Asker("one")):
        with pytest.raises(Refusal) as refused:
            async with turns.turn(Asker("two")):
                raise AssertionError("there is no second turn")
    assert refused.value.outcome is SIGN_IN_BUSY
    assert refused.value.public["retry_after_s"]
