"""Private sockets: a burst is queued, a full queue waited for, and an early answer arrives."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from waits import PATIENCE_S
from weir.app.private_sockets import serve_private
from weir.wire.deadlines import Deadlines
from weir.wire.declares import PRIVATE_BACKLOG
from weir.wire.heads import AnswerHead
from weir.wire.member_connection import Failure, Outgoing
from weir.wire.upstream import Pool

BURST = 600
UPLOADS = 10
UPLOAD_BYTES = 50_000_000


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


def test_an_upload_that_is_refused_early_gets_its_answer(tmp_path: Path) -> None:
    """However much of it is on its way when the socket is closed."""
    path = tmp_path / "private" / "control"

    async def refuse(scope: object, receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 410, "headers": []})
        await send({"type": "http.response.body", "body": b"gone"})

    def serve() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_stopped())

    async def until_stopped() -> None:
        stops.append((asyncio.get_running_loop(), asyncio.Event()))
        await serve_private(refuse, path, stops[0][1])

    async def uploads() -> list[list[Any]]:
        pool = Pool(asyncio.get_running_loop(), _deadlines(), unix_path=str(path))
        return [await upload(pool) for _ in range(UPLOADS)]

    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    serving = threading.Thread(target=serve)
    serving.start()
    while not path.exists():
        time.sleep(0.01)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        heard = runner.run(uploads())
    (loop, stop) = stops[0]
    loop.call_soon_threadsafe(stop.set)
    serving.join()
    assert heard == [[410, b"gone", "end"]] * UPLOADS


def _deadlines() -> Deadlines:
    return Deadlines(asyncio.get_running_loop(), 1.0)


async def upload(pool: Pool) -> list[Any]:
    """Send a body without looking up for a while, and return what was heard of its answer."""
    hearing = Uploading()
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % UPLOAD_BYTES
    outgoing = Outgoing(
        pool,
        hearing,
        head,
        whole=False,
        method="POST",
        repeatable=False,
        answer_timeout_s=PATIENCE_S,
        whole_within_s=PATIENCE_S,
    )
    pool.send(outgoing)
    async with asyncio.timeout(PATIENCE_S):
        while not hearing.over:
            for _ in range(20):  # the answer comes, and the socket is closed, meanwhile
                if hearing.writable:
                    outgoing.send(bytes(1_000))
                    time.sleep(0.001)  # noqa: ASYNC251 - the loop is busy
            await asyncio.sleep(0)
    return hearing.events


class Uploading:
    """Receives the answer to an upload."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.writable = self.over = False

    def still_allowed(self) -> bool:
        return True

    def answer_head(self, head: AnswerHead, length: int | None) -> None:
        self.events.append(head.status)

    def answer_body(self, data: bytes) -> None:
        self.events.append(data)

    def answer_pause(self) -> None: ...

    def answer_end(self) -> None:
        self.events.append("end")
        self.over = True

    def answer_failed(self, failure: Failure, detail: str) -> None:
        self.events.append(detail)
        self.over = True

    def request_writable(self, allowed: bool) -> None:
        self.writable = allowed
