"""Pools of kept-alive connections, one an endpoint."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections import deque
from collections.abc import Iterable
from typing import Final

from mypy_extensions import mypyc_attr

from weir.wire.connector import connect
from weir.wire.deadlines import Deadlines
from weir.wire.declares import (
    MEMBER_CONNECT_TIMEOUT_S,
    MEMBER_POOL_CONNECTIONS,
    MEMBER_POOL_OPENING,
    MEMBER_POOL_WAITING,
    PRIVATE_RETRY_S,
    REQUEST_TRIES,
)
from weir.wire.loop_streams import StreamProtocol
from weir.wire.member_connection import ClientConnection, Endpoint, Failure, Outgoing
from weir.wire.peer import is_ours
from weir.wire.reactor import Reactor
from weir.wire.resolver import Addresses, Reachable

# A connection unused for longer is closed by us, before the member would do it under a request.
IDLE_CONNECTION_S: Final = 50.0


def _is_own_lack(error: BaseException) -> bool:
    """Whether no descriptor was left for a connection, which says nothing of the endpoint."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)


class Endpoints:
    """The endpoints of one service, as the pool of one of them sees the others."""

    @property
    def are_several(self) -> bool:
        """Whether there is more than one."""
        raise NotImplementedError

    def standing_changed(self) -> None:
        """Take in that an endpoint was ejected or has returned."""
        raise NotImplementedError

    def send_again(self, outgoing: Outgoing, failed: Pool, *, sent: bool) -> bool:
        """Send a request that `failed` could not carry once more; False where that must not be."""
        raise NotImplementedError

    def move(self, waiting: Iterable[Outgoing]) -> None:
        """Send requests elsewhere that waited for an endpoint that is ejected now."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Pool(Endpoint):
    """Connections to one endpoint: a member's host and port, or a private Unix socket.

    `name` must be in the endpoint's certificate, where that is not `host` itself.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        *,
        host: str = "",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        name: str = "",
        reachable: Reachable | None = None,
        reactor: Reactor | None = None,
        unix_path: str | None = None,
        max_connections: int = MEMBER_POOL_CONNECTIONS,
    ) -> None:
        super().__init__(loop, deadlines)
        self.origin: Endpoints | None = None  # the service of this endpoint
        self._addresses = Addresses(loop, host, reachable or Reachable())
        self._name = name or host
        self._port = port
        self._retired = False
        self._reactor = reactor or Reactor(loop)
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
        """The number of connections, those being made included."""
        return len(self._open) + self._opening

    @property
    def is_unused(self) -> bool:
        """Whether no connection is open and no request waits."""
        return not (self._open or self._opening or self._waiting)

    @property
    def is_reached(self) -> bool:
        """Whether there is a connection, in use or not."""
        return bool(self._open)

    @property
    def is_stale(self) -> bool:
        """Whether the addresses of the endpoint's name are to be asked for again."""
        return self._addresses.are_stale

    @property
    def has_others(self) -> bool:
        """Whether the service has more endpoints than this."""
        return self.origin is not None and self.origin.are_several

    @property
    def busy(self) -> int:
        """The number of requests in flight or waiting for a connection."""
        return len(self._open) - len(self._idle) + self._opening + len(self._waiting)

    def send(self, outgoing: Outgoing) -> None:
        """Send on an idle connection, else on a new one, else on the first that becomes free.

        Few are made at a time: a handshake costs as much as tens of calls, and a burst that has
        every call make its own would wait for them all.
        """
        self.deadlines.watch(outgoing)
        if self._sent_on_idle(outgoing):
            return
        if self._may_open():
            self.send_fresh(outgoing)
        elif len(self._waiting) < MEMBER_POOL_WAITING:
            outgoing.wait(MEMBER_CONNECT_TIMEOUT_S)
            self._waiting.append(outgoing)
        else:
            outgoing.fail(Failure.BUSY, "too many requests wait")

    def send_ahead(self, outgoing: Outgoing) -> None:
        """Send past the waiting requests: it is about the endpoint,
        not about the queue before it.
        """
        self.deadlines.watch(outgoing)
        if not self._sent_on_idle(outgoing):
            self.send_fresh(outgoing)

    def _sent_on_idle(self, outgoing: Outgoing) -> bool:
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.usable:
                connection.carry(outgoing)
                return True
        return False

    def _may_open(self) -> bool:
        return self._opening < MEMBER_POOL_OPENING and self.open_connections < self._max_connections

    def _open_for_waiting(self) -> None:
        """Make new connections for the requests that wait longest."""
        while self._waiting and self._may_open():
            outgoing = self._waiting.popleft()
            if not outgoing.done:
                self.send_fresh(outgoing)

    def send_fresh(self, outgoing: Outgoing) -> None:
        """Send on a new connection. Connecting has its own timeout."""
        outgoing.wait_on()
        self._opening += 1
        task = self.loop.create_task(self._connect(outgoing))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def released(self, connection: ClientConnection) -> None:
        """Take back a connection that has carried its answer, for a waiting request or idle."""
        if connection.leaving:
            connection.close()
            return
        while self._waiting:
            outgoing = self._waiting.popleft()
            if not outgoing.done and outgoing.receiver.still_allowed():
                connection.carry(outgoing)
                return
        connection.idle_since_s = self.loop.time()
        self._idle.append(connection)

    def failed(self) -> None:
        """Count a failure of the endpoint."""
        if self.ejection.failed(self.loop.time()):
            self._standing_changed()

    def checked(self, passed: bool) -> None:
        """Take in the result of a check."""
        if self.ejection.checked(passed, self.loop.time()):
            self._standing_changed()

    def _standing_changed(self) -> None:
        """Act on an ejection or a return.

        Idle connections of an ejected endpoint are no better than it is. Requests that wait for one
        have not been sent, and may go elsewhere.
        """
        if self.ejection.out:
            self.close_idle(0.0)
        if self.origin is not None:
            self.origin.standing_changed()
            if self.ejection.out and self.has_others:
                waiting, self._waiting = self._waiting, deque()
                self.origin.move(waiting)

    def sent_again(self, outgoing: Outgoing, *, sent: bool) -> bool:
        """Whether a request that was not answered is sent once more, here or elsewhere."""
        if self.origin is not None:
            return self.origin.send_again(outgoing, self, sent=sent)
        if not sent or outgoing.tries >= REQUEST_TRIES:
            return False
        outgoing.tries += 1
        outgoing.repeatable = False
        self.send_fresh(outgoing)
        return True

    def opened(self, connection: ClientConnection) -> None:
        """Take a new connection in."""
        connection.leaving = self._retired
        self._open.add(connection)

    def lost(self, connection: ClientConnection) -> None:
        """Drop a connection that is gone, and open new ones for waiting requests."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._open_for_waiting()

    def close_idle(self, idle_s: float = IDLE_CONNECTION_S) -> None:
        """Close connections unused for `idle_s`. The oldest stand first."""
        limit = self.loop.time() - idle_s
        while self._idle and self._idle[0].idle_since_s <= limit:
            self._idle.popleft().close()

    def close(self) -> None:
        """Close every connection and fail every request."""
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self._open):
            connection.close()

    def retire(self) -> None:
        """End when the requests in flight have ended: the endpoint is no longer the member's."""
        self._retired = True
        self._leave(self._open)

    async def refresh(self) -> None:
        """Look the endpoint's name up again, and leave addresses it no longer has."""
        await self._addresses.refresh()
        self._leave(each for each in self._open if each.address not in self._addresses)

    def _leave(self, connections: Iterable[ClientConnection]) -> None:
        """Close connections, busy ones when their answers have ended."""
        for connection in tuple(connections):
            connection.leaving = True
            if connection in self._idle:
                connection.close()

    async def connects(self, within_s: float) -> bool:
        """Whether a connection can be made, TLS and names included. It is kept for later requests.

        True also where this process has no descriptor left to try with.
        """
        try:
            async with asyncio.timeout(within_s):
                connection = await self._dial()
        except (OSError, ssl.SSLError, TimeoutError) as error:
            return _is_own_lack(error)
        self.released(connection)
        return True

    async def _connect(self, outgoing: Outgoing) -> None:
        try:
            async with asyncio.timeout(MEMBER_CONNECT_TIMEOUT_S):
                connection = await self._dial()
        except (OSError, ssl.SSLError, TimeoutError) as error:
            if _is_own_lack(error):
                outgoing.fail(Failure.BUSY, repr(error))
            else:
                self._unreachable(outgoing, repr(error))
            return
        finally:
            self._opening -= 1
            self._open_for_waiting()
        if not connection.usable:
            self._unreachable(outgoing, "connection was lost at once")
        elif not outgoing.done and outgoing.receiver.still_allowed():
            connection.carry(outgoing)
        else:
            self.released(connection)

    async def _dial(self) -> ClientConnection:
        if self._unix_path is not None:
            return await self._dial_private(self._unix_path)
        failure: Exception = OSError("no address")
        addresses = await self._addresses.in_turn()
        for address in addresses:
            try:
                async with asyncio.timeout(MEMBER_CONNECT_TIMEOUT_S / len(addresses)):
                    return await self._dial_address(address)
            except (OSError, ssl.SSLError, TimeoutError) as error:
                failure = error
        raise failure

    async def _dial_private(self, path: str) -> ClientConnection:
        """Connect to a private socket. While its queue is full the kernel says "try again" at once
        (unix(7), EAGAIN), so try again for as long as a connection may take."""
        latest_s = self.loop.time() + MEMBER_CONNECT_TIMEOUT_S
        connection = ClientConnection(self)
        while True:
            try:
                transport, _ = await self.loop.create_unix_connection(
                    lambda: StreamProtocol(connection), path
                )
                break
            except BlockingIOError:
                if self.loop.time() >= latest_s:
                    raise
            await asyncio.sleep(PRIVATE_RETRY_S)
        if not is_ours(transport):
            transport.abort()
            raise ConnectionRefusedError("the socket is served by another user")
        return connection

    async def _dial_address(self, address: str) -> ClientConnection:
        connection = ClientConnection(self)
        connection.address = address
        if self._tls is None:
            await self.loop.create_connection(
                lambda: StreamProtocol(connection), address, self._port
            )
        else:
            await connect(
                self._reactor,
                self.deadlines,
                address,
                self._port,
                connection,
                self._tls,
                self._name,
            )
        return connection

    def _unreachable(self, outgoing: Outgoing, detail: str) -> None:
        self.failed()
        if not self.sent_again(outgoing, sent=False):
            outgoing.fail(Failure.UNREACHABLE, detail)
