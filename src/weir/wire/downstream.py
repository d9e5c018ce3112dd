"""A caller's connection: parsing, keep-alive, pipelining in order, deadlines.

The parser's callbacks only build exchanges; they are begun after the parser has returned, one at a
time. While one is in flight, only bytes already in the buffer are read.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Final, Protocol

import httptools

from weir.kernel.outcomes import Refusal
from weir.wire.balancers import Balancers
from weir.wire.caller import CallerConnection, Port
from weir.wire.deadlines import NEVER, Deadlines
from weir.wire.declares import (
    BODY_TIMEOUT_S,
    CHUNK_PAID_BYTES,
    CHUNK_UNPAID_BYTES,
    HEADER_FIELDS,
    HEADER_SECTION_BYTES,
    HEADER_TIMEOUT_S,
    HEADERS_TOO_LARGE,
    IDLE_TIMEOUT_S,
    MALFORMED_HTTP,
    PIPELINED_REQUESTS,
    REQUEST_LINE_BYTES,
    REQUEST_TIMEOUT,
)
from weir.wire.exchange import Exchange
from weir.wire.flow import FlowControl
from weir.wire.heads import Heads, read_request
from weir.wire.message import Field, Request, RequestLine, Section, check_head
from weir.wire.peer import PeerCertificate

_HEAD_BYTES: Final = REQUEST_LINE_BYTES + HEADER_SECTION_BYTES

# Of a message while it is read; whichever comes about first is named.
REFUSALS: Final = (
    MALFORMED_HTTP,
    HEADERS_TOO_LARGE,
    REQUEST_TIMEOUT,
)


class Handler(Protocol):
    """The answering side of a listener: it answers each exchange."""

    def begin(self, exchange: Exchange) -> None:
        """Answer a well-formed request, now or later."""

    def malformed(self, exchange: Exchange, refusal: Refusal) -> None:
        """Answer a message that is not a request. `exchange.request` holds the parts that could be
        read.
        """


class Listener(Port):
    """A port, and the things its connections share."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: Handler,
        kind: str,
        deadlines: Deadlines,
        balancers: Balancers | None = None,
    ) -> None:
        super().__init__(kind, balancers)
        self.loop = loop
        self.handler = handler
        self.deadlines = deadlines
        self.connections: set[ServerConnection] = set()
        self.draining = False
        self.left = asyncio.Event()  # while draining: no connection is left
        self.heads = Heads()

    def connection(self) -> ServerConnection:
        """Return the stream of one accepted connection."""
        return ServerConnection(self)

    def drain(self) -> None:
        """Close idle connections now, and every other one after its answer."""
        self.draining = True
        for connection in tuple(self.connections):
            connection.drain()
        self.forget(None)

    def forget(self, connection: ServerConnection | None) -> None:
        """Drop a connection that is gone; with None only look whether one is left."""
        if connection is not None:
            self.connections.discard(connection)
            self.deadlines.forget(connection)
        if self.draining and not self.connections:
            self.left.set()

    def abort(self) -> None:
        """Cut every connection that is still there."""
        for connection in tuple(self.connections):
            connection.abort()


class ServerConnection(CallerConnection):
    """One caller's connection: parsing, keep-alive, the order of exchanges."""

    __slots__ = (
        "_active",
        "_advancing",
        "_carried",
        "_fields",
        "_first_in_read",
        "_head_bytes",
        "_head_open",
        "_input_ended",
        "_listener",
        "_parser",
        "_parsing",
        "_queue",
        "_read",
        "_recent",
        "_target",
        "_trailer_bytes",
        "_trailers",
        "_unpaid_bytes",
        "deadline_s",
    )

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener, draining=listener.draining)
        self._listener = listener
        self.deadline_s = listener.loop.time() + IDLE_TIMEOUT_S
        self._parser: Any = httptools.HttpRequestParser(self)
        self._target = b""
        self._fields: list[Field] = []
        self._head_bytes = 0
        self._head_open = False  # a head has begun and is not whole
        self._carried = b""  # bytes of that head from earlier reads
        self._first_in_read = True  # no other message was in the buffer before this one
        self._read = b""  # bytes parsed right now
        self._recent: Section | None = None  # of the last request that was read whole
        self._unpaid_bytes = 0  # of a body that is read: more than its data pays for
        self._trailers = 0  # of that body
        self._trailer_bytes = 0
        self._parsing: Exchange | None = None  # its head is parsed, its body is not
        self._active: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._advancing = False
        self._input_ended = False

    # --- the transport's events ----------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.flow = FlowControl(transport)
        name = transport.get_extra_info("peername")
        self.peer = name[0] if name else ""
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(True) if tls is not None else None
        if der:
            self.certificate = PeerCertificate(der)
            neighbour = transport.get_extra_info("neighbour")
            self.certifies = self._listener.balancers.certifies(neighbour)
        self._listener.connections.add(self)
        self._listener.deadlines.watch(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.transport = None
        self.flow.let_go()
        self._parser = None  # it refers back to us: a cycle, which would wait for the collector
        self._input_ended = True
        self._listener.forget(self)
        self._queue.clear()
        if self._active is not None:
            self._active.caller_gone()

    def data_received(self, data: bytes) -> None:
        if self._input_ended:
            return
        if not self._head_open and self._parsing is None and not self._queue:
            request = read_request(data, self._listener.heads, self._recent)
            if request is not None:
                self._recent = request.section
                self._take_whole(request)
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        parsing, queued = self._parsing, len(self._queue)
        known_start = not self._head_open or bool(self._carried)
        self._first_in_read, self._read = parsing is None and known_start, data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the exchange was refused when its head was complete
        except httptools.HttpParserError as error:
            self._refuse_input(Refusal(MALFORMED_HTTP, str(error)))
        if self._head_open and self._first_in_read:
            self._carried += data
        self._read = b""
        if len(self._queue) != queued:
            self._head_bytes = 0
            self._advance()
        elif parsing is None and not self._input_ended:
            self._count_head(len(data))
        elif parsing is not None and parsing is self._parsing:
            self._count_framing(len(data))
        if self._queue or self._parsing is not None:
            self.steer_reading()

    def _take_whole(self, request: Request) -> None:
        """Take a request without a body that has come in one piece."""
        exchange = Exchange(self, request, time.time_ns())
        exchange.complete = True
        self._head_bytes = 0
        self._queue.append(exchange)
        self._advance()
        if self._queue:
            self.steer_reading()

    def eof_received(self) -> None:
        return None

    def pause_writing(self) -> None:
        self.flow.writing_paused = True
        self.deadline_s = self._listener.loop.time() + BODY_TIMEOUT_S
        self._tell_writing(allowed=False)

    def resume_writing(self) -> None:
        self.flow.writing_paused = False
        self.deadline_s = NEVER if self._active is not None else self._idle_deadline()
        self._tell_writing(allowed=True)

    def _tell_writing(self, *, allowed: bool) -> None:
        active = self._active
        if active is not None and active.receiver is not None and not active.ended:
            active.receiver.writing(allowed)

    # --- the parser's events -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._head_open = True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._parsing is None:
            self._fields.append((name.lower(), value))
        else:
            self._drop_trailer(len(name) + len(value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        target = self._target
        request = Request(RequestLine(parser.get_method().decode(), target), Section(self._fields))
        self._head_open = False
        self._target, self._fields = b"", []
        self._unpaid_bytes = self._trailers = self._trailer_bytes = 0
        exchange = Exchange(self, request, time.time_ns())
        try:
            check_head(
                request,
                parser.get_http_version(),
                keep_alive=parser.should_keep_alive(),
                upgrade=parser.should_upgrade(),
            )
            self._check_line(b"%b %b HTTP/1.1\r\n" % (parser.get_method(), target))
        except Refusal as refusal:
            exchange.refusal = refusal
            self._input_ended = True
        if len(self._queue) >= PIPELINED_REQUESTS:
            self._input_ended = True
            raise _StopParsingError
        self._parsing = exchange
        self._queue.append(exchange)
        if self._input_ended:
            raise _StopParsingError

    def _check_line(self, line: bytes) -> None:
        """Refuse a request line that has more than one space between its parts.

        llhttp skips them, other parsers do not (RFC 9112 section 3 allows both). It shows no
        places, so the line in its one form must stand where reading began. Behind another request
        in the same read that place is unknown; the line that is passed on has one form anyway.
        """
        carried, self._carried = self._carried, b""
        if self._first_in_read or carried:
            read = self._read
            if carried or not read.startswith(line):
                read = (carried + read).lstrip(b"\r\n")
            if not read.startswith(line):
                raise Refusal(MALFORMED_HTTP, "request line is not in its one form")
        self._first_in_read = False

    def on_body(self, body: bytes) -> None:
        if self._parsing is not None:
            self._unpaid_bytes -= CHUNK_PAID_BYTES * len(body)
            self._parsing.body_arrived(body)

    def on_message_complete(self) -> None:
        exchange, self._parsing = self._parsing, None
        if exchange is None:
            return
        if exchange is self._active:
            self.deadline_s = NEVER
        if not exchange.request.keep_alive:
            self._input_ended = True
        exchange.body_whole()

    # --- the order of things -------------------------------------------------------------------

    def _advance(self) -> None:
        """Begin the next exchange when none is in flight. A loop, since answers may be instant."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._active is None and self._queue and self.transport is not None:
                self._active = self._queue.popleft()
                self._begin(self._active)
        finally:
            self._advancing = False

    def _begin(self, exchange: Exchange) -> None:
        if exchange.complete:
            self.deadline_s = NEVER
        else:
            self.deadline_s = self._listener.loop.time() + BODY_TIMEOUT_S
        if exchange.refusal is not None:
            self._listener.handler.malformed(exchange, exchange.refusal)
        else:
            self._listener.handler.begin(exchange)

    def answered(self, exchange: Exchange) -> None:
        """Begin the next exchange, or rest, after one that has handed
        over its answer's last byte.
        """
        if exchange.close:
            self.close()
            return
        self._active = None
        if self._queue:
            self._advance()
        else:
            self._rest()
        if self.flow.reading_paused:
            self.steer_reading()

    def _rest(self) -> None:
        """Wait for the next request, or close: nothing is in flight and nothing waits."""
        self.deadline_s = self._idle_deadline()
        if self._input_ended or self.draining:
            self.close()

    def steer_reading(self) -> None:
        """Read only while an exchange waits for input, or none is there."""
        active = self._active
        wanted = not self._queue and (active is None or active.wants_body)
        if self.transport is not None and wanted == self.flow.reading_paused:
            self.flow.read(wanted)

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        if self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        """Send the written bytes, then close.

        Under TLS the transport goes on reading for a while, so that a body that is still on its way
        does not reset the connection before the answer was read.
        """
        self._input_ended = True
        self._queue.clear()
        if self.transport is not None:
            self.transport.close()

    def drain(self) -> None:
        """Close now when idle, else after the answer in flight."""
        self.draining = True
        if self._active is None and not self._queue:
            self.close()

    # --- refusals of the wire ------------------------------------------------------------------

    def _refuse_input(self, refusal: Refusal) -> None:
        """Take no more input, since its bytes make no sense; requests whole before are still
        answered.
        """
        if self._input_ended:
            return
        self._input_ended = True
        if self._parsing is not None:
            self._parsing.fail(refusal)
            return
        exchange = Exchange(self, Request(RequestLine("-", b""), Section([])), time.time_ns())
        exchange.refusal = refusal
        self._queue.append(exchange)

    def _count_head(self, nbytes: int) -> None:
        """Bound a head that comes in many pieces, in bytes and in time."""
        if self._head_bytes == 0 and self._active is None:
            self.deadline_s = self._listener.loop.time() + HEADER_TIMEOUT_S
        self._head_bytes += nbytes
        if self._head_bytes > _HEAD_BYTES:
            self._refuse_input(Refusal(HEADERS_TOO_LARGE, "head is too long"))
            self._advance()

    def _count_framing(self, nbytes: int) -> None:
        """Bound the bytes of a body that are none of its data, however they are cut.

        Extensions of chunks are skipped by llhttp, and an endless trailer is gathered by it.
        """
        self._unpaid_bytes = max(0, self._unpaid_bytes + nbytes)
        if self._unpaid_bytes > CHUNK_UNPAID_BYTES:
            self._refuse_input(Refusal(HEADERS_TOO_LARGE, "more framing than data"))

    def _drop_trailer(self, nbytes: int) -> None:
        """Drop a trailer (RFC 9110 section 6.5.1), and bound them as header fields are bounded."""
        self._trailers += 1
        self._trailer_bytes += nbytes
        if self._trailers > HEADER_FIELDS or self._trailer_bytes > HEADER_SECTION_BYTES:
            self._refuse_input(Refusal(HEADERS_TOO_LARGE, "trailers"))
            raise _StopParsingError

    def _idle_deadline(self) -> float:
        patience_s = HEADER_TIMEOUT_S if self._head_bytes else IDLE_TIMEOUT_S
        return self._listener.loop.time() + patience_s

    def spare_since_s(self) -> float:
        """Return since when the connection waits for its caller (`wire.places`).

        A body or an answer on its way counts from when its time is over, so that connections with
        nothing on their way are closed before.
        """
        if self._active is None:
            patience_s = HEADER_TIMEOUT_S if self._head_bytes else IDLE_TIMEOUT_S
            return self.deadline_s - patience_s
        awaited = self.flow.writing_paused or not self.flow.reading_paused
        return self.deadline_s if awaited else NEVER

    def expire(self) -> None:
        """Refuse a head or body that did not come in time, or cut the connection."""
        active = self._active
        self.deadline_s = NEVER
        if active is None and self._head_bytes and not self._input_ended:
            self._refuse_input(Refusal(REQUEST_TIMEOUT, "head"))
            self._advance()
        elif active is None or active.ended or self.flow.writing_paused:
            self.abort()
        elif not active.complete:
            self._expire_body(active)

    def _expire_body(self, active: Exchange) -> None:
        if self.flow.reading_paused:  # the member is slow, not the caller; it has its own deadline
            self.deadline_s = self._listener.loop.time() + BODY_TIMEOUT_S
        else:
            self._input_ended = True
            active.fail(Refusal(REQUEST_TIMEOUT, "body"))

    def abort(self) -> None:
        self._input_ended = True
        if self.transport is not None:
            self.transport.abort()


class _StopParsingError(Exception):
    """Raised through the parser to stop it."""
