"""What holds the loop up is seen, with its cause; what another process did to it is not."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path

from gateway_support import House

from weir.gateway.observing.stalls import CHANGES, COLLECTION, LOOP


def work(seconds: float) -> None:
    """Use the processor for so long."""
    until_s = time.process_time() + seconds
    while time.process_time() < until_s:
        pass


async def test_work_that_holds_the_loop_is_a_pause_and_waiting_is_none(tmp_path: Path) -> None:
    stalls = House(tmp_path).parts.stalls
    gc.collect()  # so that no long collection comes in between
    stalls.start()
    try:
        await asyncio.sleep(0.03)
        quiet_s = stalls.longest_s()[LOOP]
        time.sleep(0.2)  # noqa: ASYNC251 - as when another process has the processor
        await asyncio.sleep(0.03)
        assert stalls.longest_s()[LOOP] < max(quiet_s, 0.1)
        work(0.2)
        await asyncio.sleep(0.03)
        assert stalls.longest_s()[LOOP] > 0.1
    finally:
        stalls.stop()


async def test_collections_and_slices_are_told_apart(tmp_path: Path) -> None:
    house = House(tmp_path)
    stalls = house.parts.stalls
    stalls.start()
    try:
        gc.collect()
        assert stalls.longest_s()[COLLECTION] > 0
        await house.follower.slices.work(work(0.001) for _ in range(2))
        house.follower.slices.rest()
        await asyncio.sleep(0.03)
        assert stalls.longest_s()[CHANGES] > 0.001
    finally:
        stalls.stop()
