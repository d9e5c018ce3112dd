"""Long work leaves the event loop its turns. The clock is the test's own: each unit says how long
it took.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.gateway.config.slices import Slices
from weir.gateway.declares import CHANGE_SLICE_S

UNIT_S = CHANGE_SLICE_S * 3 / 4  # what a unit may take at most


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def units(clock: Clock, durations_s: list[float]) -> Iterator[None]:
    for duration_s in durations_s:
        clock.now_s += duration_s
        yield


async def turns(clock: Clock, pieces: list[list[float]]) -> tuple[list[float], float]:
    """When the loop had its turns, and the longest slice."""
    slices, seen, done = Slices(clock), [clock.now_s], False

    async def watch() -> None:
        while not done:
            seen.append(clock.now_s)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    for piece in pieces:
        await slices.work(units(clock, piece))
    slices.rest()
    done = True
    await watching
    return [*seen, clock.now_s], slices.longest_s


_PIECES = st.lists(st.lists(st.floats(min_value=0, max_value=UNIT_S), max_size=40), max_size=8)


@given(_PIECES)
def test_the_loop_waits_no_longer_than_a_slice_whatever_there_is_to_do(
    pieces: list[list[float]],
) -> None:
    times_s, longest_s = asyncio.run(turns(Clock(), pieces))
    waits_s = [after - before for before, after in pairwise(times_s)]
    assert max(waits_s) <= CHANGE_SLICE_S * (1 + 1e-9)
    assert longest_s == pytest.approx(max(waits_s))


async def test_short_work_is_done_in_one_go() -> None:
    clock = Clock()
    times_s, _ = await turns(clock, [[UNIT_S / 100] * 20])
    assert len({*times_s}) == 2  # before and after


async def test_a_rest_begins_a_new_slice() -> None:
    clock = Clock()
    slices = Slices(clock)
    for _ in range(10):
        await slices.work(units(clock, [UNIT_S / 2]))
        slices.rest()
        clock.now_s += 1.0  # other work, not of these slices
    assert slices.longest_s == pytest.approx(UNIT_S / 2)
