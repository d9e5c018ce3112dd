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

from weir.wire.deadlines import Deadlines
from weir.wire.downstream import Listener, ServerConnection
from weir.wire.outgoing import ClientConnection
from weir.wire.upstream import Pool

CONNECTIONS = 20


@pytest.fixture
def _uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive(kind: type) -> int:
    return sum(type(each) is kind for each in gc.get_objects())


@pytest.mark.usefixtures("_uncollected")
def test_callers_connections_leave_nothing() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
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
        while listener.connections:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)  # the loop lets go of its handles in its next rounds
        assert alive(ServerConnection) == 0
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


@pytest.mark.usefixtures("_uncollected")
def test_connections_to_members_leave_nothing() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = Pool(loop, Deadlines(loop, 1.0))
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: ClientConnection(pool), "127.0.0.1", port)
        assert pool.open_connections == CONNECTIONS
        pool.close()
        while pool.open_connections:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert alive(ClientConnection) == 0
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
