"""A stream on one of the loop's own transports: private sockets, which carry no TLS."""

from __future__ import annotations

import asyncio

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


class OwnStreamProtocol(StreamProtocol):
    """A stream for processes of this user only: another's is dropped before it can speak."""

    _refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if is_ours(transport):
            super().connection_made(transport)
        else:
            self._refused = True
            assert isinstance(transport, asyncio.Transport)
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._refused:
            super().connection_lost(exc)

    def eof_received(self) -> None:
        if not self._refused:
            super().eof_received()
