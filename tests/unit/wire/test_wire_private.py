"""Bursts at a private socket: its queue is as long as declared, and a full one is waited for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from weir.app.private_sockets import serve_private
from weir.wire.deadlines import Deadlines
from weir.wire.declares import PRIVATE_BACKLOG
from weir.wire.upstream import Pool

BURST = 600


@pytest.fixture
def callers() -> Iterator[list[socket.socket]]:
    made: list[socket.socket] = []
    yield made
    for each in made:
        each.close()


def connect(path: Path, callers: list[socket.socket]) -> None:
    """Connect without waiting; BlockingIOError when the queue of the socket is full."""
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    callers.append(caller)
    caller.setblocking(False)
    caller.connect(str(path))


async def answer(scope: object, receive: object, send: object) -> None:
    """An application nobody asks."""


def test_a_burst_is_queued_while_the_process_is_busy(
    tmp_path: Path, callers: list[socket.socket]
) -> None:
    assert BURST < PRIVATE_BACKLOG
    path = tmp_path / "private" / "control"

    async def burst() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve_private(answer, path, stop))
        while not path.exists():
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)  # the loop listens by now, and nothing is accepted until we wait
        for _ in range(BURST):
            connect(path, callers)
        stop.set()
        await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(burst())
    assert len(callers) == BURST


def test_a_full_queue_is_waited_for(tmp_path: Path, callers: list[socket.socket]) -> None:
    path = tmp_path / "control"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    callers.append(listening)
    listening.bind(str(path))
    listening.listen(1)
    with pytest.raises(BlockingIOError):
        for _ in range(10):
            connect(path, callers)

    async def dial() -> bool:
        loop = asyncio.get_running_loop()
        pool = Pool(loop, Deadlines(loop, 1.0), unix_path=str(path))
        dialling = asyncio.create_task(pool._dial())
        await asyncio.sleep(0.05)
        assert not dialling.done()
        while not dialling.done():  # somebody accepts
            callers.append(await asyncio.to_thread(lambda: listening.accept()[0]))
            await asyncio.sleep(0.02)
        connection = await dialling
        reached = connection.usable
        pool.close()
        return reached

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(dial())
