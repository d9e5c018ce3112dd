"""Pools of kept-alive connections, one an origin."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Final

from weir.kernel import limits
from weir.wire.deadlines import Deadlines
from weir.wire.outgoing import ClientConnection, Failure, Outgoing
from weir.wire.peer import is_ours

# Requests that wait for a connection of a full pool; beyond this they fail at once.
WAITING_REQUESTS: Final = 1_024
# A connection unused for longer is closed by us, before the member would do it under a request.
IDLE_CONNECTION_S: Final = 50.0


class Pool:
    """Connections to one origin: `https://host:port` of a member, or a private Unix socket."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        *,
        host: str = "",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        unix_path: str | None = None,
        max_connections: int = limits.MEMBER_POOL_CONNECTIONS,
    ) -> None:
        self.loop = loop
        self.deadlines = deadlines
        self._host = host
        self._port = port
        self._tls = tls
        self._unix_path = unix_path
        self._max_connections = max_connections
        self._idle: deque[ClientConnection] = deque()
        self._open: set[ClientConnection] = set()
        self._opening = 0
        self._waiting: deque[Outgoing] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open_connections(self) -> int:
        """How many connections there are, those being made included."""
        return len(self._open) + self._opening

    @property
    def is_unused(self) -> bool:
        """Whether nothing is open, and nobody waits."""
        return not (self._open or self._opening or self._waiting)

    def send(self, outgoing: Outgoing) -> None:
        """Send on an idle connection, else on a new one, else when one becomes free."""
        self.deadlines.watch(outgoing)
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.usable:
                connection.carry(outgoing)
                return
        if self.open_connections < self._max_connections:
            self.send_fresh(outgoing)
        elif len(self._waiting) < WAITING_REQUESTS:
            outgoing.wait(limits.MEMBER_CONNECT_TIMEOUT_S)
            self._waiting.append(outgoing)
        else:
            outgoing.fail(Failure.BUSY, "too many requests wait")

    def send_fresh(self, outgoing: Outgoing) -> None:
        """Send on a new connection. Connecting has its own timeout."""
        outgoing.wait_on()
        self._opening += 1
        task = self.loop.create_task(self._connect(outgoing))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def released(self, connection: ClientConnection) -> None:
        """A connection has carried its answer to the end."""
        while self._waiting:
            outgoing = self._waiting.popleft()
            if not outgoing.done and outgoing.receiver.still_allowed():
                connection.carry(outgoing)
                return
        connection.idle_since_s = self.loop.time()
        self._idle.append(connection)

    def opened(self, connection: ClientConnection) -> None:
        """A connection was made."""
        self._open.add(connection)

    def lost(self, connection: ClientConnection) -> None:
        """A connection is gone; whoever waits may have a new one."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        while self._waiting and self.open_connections < self._max_connections:
            outgoing = self._waiting.popleft()
            if not outgoing.done:
                self.send_fresh(outgoing)

    def close_idle(self, idle_s: float = IDLE_CONNECTION_S) -> None:
        """Close what was not used for `idle_s`. The oldest stand first."""
        limit = self.loop.time() - idle_s
        while self._idle and self._idle[0].idle_since_s <= limit:
            self._idle.popleft().close()

    def close(self) -> None:
        """Close every connection and fail every request."""
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self._open):
            connection.close()

    async def _connect(self, outgoing: Outgoing) -> None:
        try:
            async with asyncio.timeout(limits.MEMBER_CONNECT_TIMEOUT_S):
                connection = await self._dial()
        except (OSError, ssl.SSLError, TimeoutError) as error:
            outgoing.fail(Failure.UNREACHABLE, repr(error))
            return
        finally:
            self._opening -= 1
        if not connection.usable:
            outgoing.fail(Failure.UNREACHABLE, "connection was lost at once")
        elif not outgoing.done and outgoing.receiver.still_allowed():
            connection.carry(outgoing)
        else:
            self.released(connection)

    async def _dial(self) -> ClientConnection:
        if self._unix_path is not None:
            transport, connection = await self.loop.create_unix_connection(
                lambda: ClientConnection(self), self._unix_path
            )
            if not is_ours(transport):
                transport.abort()
                raise ConnectionRefusedError("the socket is served by another user")
            return connection
        _, connection = await self.loop.create_connection(
            lambda: ClientConnection(self),
            self._host,
            self._port,
            ssl=self._tls,
            server_hostname=self._host if self._tls is not None else None,
            ssl_handshake_timeout=limits.MEMBER_CONNECT_TIMEOUT_S if self._tls else None,
        )
        return connection
