"""A stream on one of the loop's own transports: private sockets, which carry no TLS."""

from __future__ import annotations

import asyncio
from typing import Any

from weir.wire.declares import SHUTDOWN_TIMEOUT_S
from weir.wire.peer import is_ours
from weir.wire.transport import Stream


class StreamProtocol(asyncio.Protocol):
    """Passes the events of an asyncio protocol on to a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stream.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.stream.data_received(data)

    def eof_received(self) -> None:
        self.stream.eof_received()

    def pause_writing(self) -> None:
        self.stream.pause_writing()

    def resume_writing(self) -> None:
        self.stream.resume_writing()


class LingeringTransport:
    """A transport whose close lets the peer read the last answer, as `TlsTransport` does.

    A Unix socket that is closed before all was read tells the peer of an error, and the answer to
    an upload is lost with it. So the close ends the sending, and reads on for a while.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self.get_extra_info = transport.get_extra_info
        self.set_write_buffer_limits = transport.set_write_buffer_limits
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closing or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes, or drop them after the close."""
        if not self._closing:
            self._transport.write(data)

    def close(self) -> None:
        """Send the written bytes and the end, then wait a while for the peer's end."""
        if self.is_closing():
            return
        self._closing = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._timer = self._loop.call_later(SHUTDOWN_TIMEOUT_S, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def ended(self) -> None:
        """Wait no more for the end of a connection that is gone."""
        if self._timer is not None:
            self._timer.cancel()


class OwnStreamProtocol(StreamProtocol):
    """A stream for processes of this user only: another's is dropped before it can speak."""

    _refused = False
    _lingering: LingeringTransport | None = None

    def connection_made(self, transport: Any) -> None:
        if is_ours(transport):
            self._lingering = LingeringTransport(transport, asyncio.get_running_loop())
            self.stream.connection_made(self._lingering)
        else:
            self._refused = True
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lingering is not None:
            self._lingering.ended()
        if not self._refused:
            super().connection_lost(exc)

    def eof_received(self) -> None:
        if not self._refused:
            super().eof_received()
