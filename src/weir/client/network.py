"""TLS connections for the HTTP pool, with names under `localhost` mapped to this machine.

RFC 6761 section 6.3 gives these names to the machine itself. Resolvers disagree about them, so they
are mapped here, and the certificate is still checked against the name that was asked for.

The pool asks for a connection and then for TLS on it. No byte is read or written before TLS:
`Connected` can only become a `Secured`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterable
from typing import Any, Final, cast

import httpcore

LOOPBACK: Final = "127.0.0.1"
_PAUSE_READING_BYTES: Final = 1024 * 1024
_CONNECT_TIMEOUT_S: Final = 10.0


def address_of(host: str) -> str:
    """Return the host to connect to: loopback for `localhost` and every name under it."""
    plain = host.rstrip(".").lower()
    return LOOPBACK if plain == "localhost" or plain.endswith(".localhost") else host


class Network(httpcore.AsyncNetworkBackend):
    """A network backend of httpcore on the running asyncio loop."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout or _CONNECT_TIMEOUT_S):
                found = await loop.getaddrinfo(address_of(host), port, type=socket.SOCK_STREAM)
                family, kind, protocol, _, address = found[0]
                connection = socket.socket(family, kind, protocol)
                try:
                    connection.setblocking(False)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    await loop.sock_connect(connection, address)
                except BaseException:
                    connection.close()
                    raise
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("connecting took too long") from error
        except OSError as error:
            raise httpcore.ConnectError(_why(error)) from error
        return Connected(connection)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Connected(httpcore.AsyncNetworkStream):
    """A connection before its TLS handshake."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout or _CONNECT_TIMEOUT_S):
                transport, wire = await loop.create_connection(
                    _Wire, sock=self._socket, ssl=ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the TLS handshake took too long") from error
        except (ssl.SSLError, OSError) as error:
            raise httpcore.ConnectError(_why(error)) from error
        finally:
            self._socket = None  # type: ignore[assignment] # it belongs to the transport now
        return Secured(transport, wire)

    async def aclose(self) -> None:
        if self._socket is not None:
            self._socket.close()


class Secured(httpcore.AsyncNetworkStream):
    """A connection that speaks TLS."""

    def __init__(self, transport: asyncio.Transport, wire: _Wire) -> None:
        self._transport = transport
        self._wire = wire

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
    ) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._wire.take(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("the answer took too long") from error
        except (ssl.SSLError, OSError) as error:
            raise httpcore.ReadError(_why(error)) from error

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
    ) -> None:
        try:
            self._wire.refuse_broken()
            self._transport.write(buffer)
            async with asyncio.timeout(timeout):
                await self._wire.room()
        except TimeoutError as error:
            raise httpcore.WriteTimeout("sending took too long") from error
        except (ssl.SSLError, OSError) as error:
            raise httpcore.WriteError(_why(error)) from error

    async def aclose(self) -> None:
        self._transport.close()
        # One turn of the loop lets the transport say goodbye before the loop may end.
        await asyncio.sleep(0)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # an idle connection with something to read has been ended
            return self._wire.has_something
        names = {"server_addr": "peername", "client_addr": "sockname"}
        return self._transport.get_extra_info(names.get(info, info))


class _Wire(asyncio.Protocol):
    """The bytes that have arrived, for one reader, and the room to send."""

    def __init__(self) -> None:
        self._arrived = bytearray()
        self._ended = False
        self._broken: Exception | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._paused_reading = False
        self._transport: asyncio.Transport | None = None

    @property
    def has_something(self) -> bool:
        return bool(self._arrived) or self._ended

    async def take(self, max_bytes: int) -> bytes:
        """Return up to `max_bytes` as soon as there are any; b"" at the end."""
        if not self._arrived and not self._ended:
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        if not self._arrived:
            self.refuse_broken()
            return b""
        taken = bytes(self._arrived[:max_bytes])
        del self._arrived[:max_bytes]
        if self._paused_reading and self._transport is not None:
            self._paused_reading = False
            self._transport.resume_reading()
        return taken

    async def room(self) -> None:
        """Wait until the transport takes more."""
        if self._resumed is not None:
            await self._resumed
            self.refuse_broken()

    def refuse_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport has the methods of asyncio.Transport without being one.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        if len(self._arrived) > _PAUSE_READING_BYTES and self._transport is not None:
            self._paused_reading = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        if exc is not None:
            self._broken = exc if isinstance(exc, OSError) else OSError(str(exc))
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._resumed = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
        self._arrival = None


def _why(error: Exception) -> str:
    """Return a few words without addresses; asyncio hides the kernel's words behind its own."""
    if isinstance(error, ssl.SSLError):
        return str(error.reason or "TLS failed")
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
