"""A closed connection is gone at once, not when the garbage collector comes by.

The gateway's collector comes rarely, so whatever a connection leaves in a cycle would stay: many
short connections would grow the process without bound.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
import uvloop
from wire_support import NotingHandler, get, ok

from waits import rounds, until
from weir.wire.deadlines import Deadlines
from weir.wire.downstream import Listener, ServerConnection
from weir.wire.member_connection import ClientConnection
from weir.wire.upstream import Pool

CONNECTIONS = 20


@pytest.fixture
def _uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Alive:
    """How many objects of a kind there are more than there were: other tests may keep theirs."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._before = self._all()

    def more(self) -> int:
        return sum(not any(each is known for known in self._before) for each in self._all())

    def _all(self) -> list[object]:
        return [each for each in gc.get_objects() if type(each) is self._kind]


@pytest.mark.usefixtures("_uncollected")
def test_callers_connections_leave_nothing() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        alive = Alive(ServerConnection)
        deadlines = Deadlines(loop, 1.0)
        listener = Listener(loop, NotingHandler(ok), "public", deadlines)
        listener.handler.begin = ok  # type: ignore[method-assign] # keeps no exchange
        server = await loop.create_server(listener.connection, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for _ in range(CONNECTIONS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(get())
            assert b"200" in await reader.readline()
            writer.close()
            await writer.wait_closed()
        await until(lambda: not listener.connections)
        await rounds()  # the loop lets go of its handles in its next ones
        assert alive.more() == 0
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


@pytest.mark.usefixtures("_uncollected")
def test_connections_to_members_leave_nothing() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        alive = Alive(ClientConnection)
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = Pool(loop, Deadlines(loop, 1.0))
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: ClientConnection(pool), "127.0.0.1", port)
        assert pool.open_connections == CONNECTIONS
        pool.close()
        await until(lambda: not pool.open_connections)
        await rounds()
        assert alive.more() == 0
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
