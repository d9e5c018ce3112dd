"""A connection to a member (or to control) and the one request it carries at a time."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, Final, Protocol

import httptools
from mypy_extensions import mypyc_attr

from weir.kernel.declares import MEMBER_ANSWER_TIMEOUT_S
from weir.wire.deadlines import NEVER, Deadlines
from weir.wire.declares import (
    CHUNK_PAID_BYTES,
    CHUNK_UNPAID_BYTES,
    HEADER_FIELDS,
    HEADER_SECTION_BYTES,
    REQUEST_LINE_BYTES,
)
from weir.wire.ejection import Ejection
from weir.wire.flow import FlowControl
from weir.wire.heads import Answer, AnswerHead, Heads, read_answer
from weir.wire.message import Field
from weir.wire.transport import Stream

_HEADS: Final = Heads()
_HEAD_BYTES: Final = REQUEST_LINE_BYTES + HEADER_SECTION_BYTES
_BODILESS: Final = frozenset({204, 304})


class Failure(Enum):
    """Reasons why a request got no whole answer."""

    UNREACHABLE = "unreachable"  # no connection could be made
    BUSY = "busy"  # every connection is in use and none became free in time
    TIMEOUT = "timeout"  # connected, but no answer in time
    BROKEN = "broken"  # the answer was malformed or broke off
    CALLER_SLOW = "caller_slow"  # the time for the whole call ended while the caller was awaited


# A failure to connect is counted where it is tried, perhaps more than once a request.
_ENDPOINTS_FAULT: Final = frozenset({Failure.TIMEOUT, Failure.BROKEN})


class AnswerReceiver(Protocol):
    """The receiver of an answer. Nothing is called after `answer_end` or `answer_failed`."""

    def still_allowed(self) -> bool:
        """Whether a request that had to wait may leave now; False: it was given up meanwhile."""

    def answer_head(self, head: AnswerHead, length: int | None) -> None:
        """Take the whole head. `length` of the body in bytes; None when it is not known."""

    def answer_body(self, data: bytes) -> None:
        """Take a piece of the body, without chunk framing."""

    def answer_pause(self) -> None:
        """Pass the delivered pieces on; more may follow later."""

    def answer_end(self) -> None:
        """Take the end of a whole answer."""

    def answer_failed(self, failure: Failure, detail: str) -> None:
        """Give up: there is no answer, or no more of it."""

    def request_writable(self, allowed: bool) -> None:
        """Pause while the member reads the body too slowly (False), go on when caught up (True)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Endpoint:
    """An endpoint that requests are sent to, as a request and its connection see it.

    `deadlines` are of the requests in flight; `ejection` says whether the endpoint may be called.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deadlines: Deadlines) -> None:
        self.loop = loop
        self.deadlines = deadlines
        self.ejection = Ejection()

    @property
    def is_reached(self) -> bool:
        """Whether there is a connection, in use or not."""
        raise NotImplementedError

    @property
    def has_others(self) -> bool:
        """Whether the service has more endpoints than this."""
        raise NotImplementedError

    def failed(self) -> None:
        """Count a failure of the endpoint."""
        raise NotImplementedError

    def sent_again(self, outgoing: Outgoing, *, sent: bool) -> bool:
        """Send a request that was not answered once more; False where that must not be."""
        raise NotImplementedError

    def opened(self, connection: ClientConnection) -> None:
        """Take a new connection in."""
        raise NotImplementedError

    def released(self, connection: ClientConnection) -> None:
        """Take a connection back that has carried its answer to the end."""
        raise NotImplementedError

    def lost(self, connection: ClientConnection) -> None:
        """Drop a connection that is gone."""
        raise NotImplementedError


class Outgoing:
    """One request on its way out. `repeatable` says that it may be sent twice."""

    __slots__ = (
        "answer_timeout_s",
        "awaits_caller",
        "bodiless",
        "connection",
        "data",
        "deadline_s",
        "done",
        "latest_s",
        "pool",
        "receiver",
        "repeatable",
        "sent",
        "tries",
        "whole",
    )

    def __init__(
        self,
        pool: Endpoint,
        receiver: AnswerReceiver,
        data: bytes,
        *,
        whole: bool,
        method: str,
        repeatable: bool,
        answer_timeout_s: float,
        whole_within_s: float,
    ) -> None:
        self.pool = pool
        self.receiver = receiver
        self.data = data  # the head, and the body too when `whole`
        self.whole = whole
        self.bodiless = method == "HEAD"
        self.repeatable = repeatable and whole
        self.answer_timeout_s = answer_timeout_s
        self.deadline_s = NEVER
        # However slow either side is, the answer must be whole by then.
        self.latest_s = pool.loop.time() + whole_within_s
        self.awaits_caller = False  # to send on, or to read on; the endpoint has done its part
        self.connection: ClientConnection | None = None
        self.tries = 1
        self.sent = False  # a byte of it may have left
        self.done = False

    def wait(self, patience_s: float) -> None:
        """Expire unless something happens within `patience_s` seconds."""
        self.awaits_caller = False
        self.deadline_s = min(self.latest_s, self.pool.loop.time() + patience_s)

    def wait_on(self) -> None:
        """Let only the latest time count, since it is not the member's turn."""
        self.awaits_caller = self.connection is not None
        self.deadline_s = self.latest_s

    def take_turns(self, patience_s: float) -> None:
        """Wait for the member that long, unless it is the caller who has to send or read on."""
        assert self.connection is not None
        flow = self.connection.flow
        assert flow is not None
        if flow.reading_paused or not (self.whole or flow.writing_paused):
            self.wait_on()
        else:
            self.wait(patience_s)

    def send(self, data: bytes) -> None:
        """Send a piece of a streamed body, framed. Before there is a connection it is kept."""
        if self.connection is not None:
            self.connection.write(data)
        elif not self.done:
            self.data += data

    def sent_whole(self) -> None:
        """End the streamed body."""
        self.whole = True
        if self.connection is not None:
            self.take_turns(self.answer_timeout_s)

    def read(self, allowed: bool) -> None:
        """Pause the answer while its reader is slow, and resume it."""
        if self.connection is None or self.connection.flow is None:
            return
        if allowed != self.connection.flow.reading_paused:
            return
        self.connection.flow.read(allowed)
        self.take_turns(MEMBER_ANSWER_TIMEOUT_S)

    def progressed(self) -> None:
        """Wait anew, since a part of the answer has come."""
        self.take_turns(MEMBER_ANSWER_TIMEOUT_S)

    def expire(self) -> None:
        """Fail: neither connection nor answer came in time."""
        if self.connection is None:
            failure = Failure.BUSY if self.pool.is_reached else Failure.UNREACHABLE
            self.fail(failure, "no connection in time")
        elif self.awaits_caller:
            self.fail(Failure.CALLER_SLOW, "the call took too long in all")
        else:
            self.fail(Failure.TIMEOUT, "no answer in time")

    def fail(self, failure: Failure, detail: str) -> None:
        """Give up, and tell the receiver."""
        if not self.done:
            self.cancel()
            if failure in _ENDPOINTS_FAULT:
                self.pool.failed()
            self.receiver.answer_failed(failure, detail)

    def cancel(self) -> None:
        """Give up silently; the connection cannot be used for anything else."""
        self.done = True
        self.pool.deadlines.forget(self)
        if self.connection is not None:
            self.connection.abandon()


class ClientConnection(Stream):
    """One kept-alive connection to an origin."""

    __slots__ = (
        "_answer_begun",
        "_complete",
        "_extra",
        "_fields",
        "_head_bytes",
        "_keep_alive",
        "_length",
        "_outgoing",
        "_parser",
        "_pool",
        "_recent",
        "_trailer_bytes",
        "_trailers",
        "_transport",
        "_unpaid_bytes",
        "_until_closed",
        "address",
        "flow",
        "idle_since_s",
        "leaving",
        "used",
    )

    def __init__(self, pool: Endpoint) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self.flow: FlowControl | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._outgoing: Outgoing | None = None
        self.address = ""  # of the endpoint, as it was dialled
        self.leaving = False  # to be closed when its request has ended
        self.used = False  # it has carried an answer before
        self.idle_since_s = 0.0
        self._recent: AnswerHead | None = None  # of the last answer that was read whole
        self._unpaid_bytes = 0  # of a body that is read: more than its data pays for
        self._trailers = 0  # of that body
        self._trailer_bytes = 0
        self._reset()

    def _reset(self) -> None:
        self._fields: list[Field] = []
        self._length: int | None = None
        self._head_bytes = 0
        self._answer_begun = False
        self._until_closed = False
        self._complete = False
        self._keep_alive = False
        self._extra = False  # bytes came that belong to no answer

    # --- carrying a request --------------------------------------------------------------------

    def carry(self, outgoing: Outgoing) -> None:
        """Send a request. The connection is the request's own until the answer has ended."""
        assert self._transport is not None
        assert self.flow is not None
        self._outgoing = outgoing
        outgoing.sent = True
        outgoing.connection = self
        outgoing.take_turns(outgoing.answer_timeout_s)
        self._transport.write(outgoing.data)
        if not outgoing.whole and not self.flow.writing_paused:
            outgoing.receiver.request_writable(True)

    def write(self, data: bytes) -> None:
        """Send a further piece of the request."""
        if self._transport is not None:
            self._transport.write(data)

    @property
    def usable(self) -> bool:
        """Whether a request may be sent on it."""
        return self._transport is not None and not self._transport.is_closing()

    def abandon(self) -> None:
        """Drop the connection with the request it carries."""
        self._outgoing = None
        self.close()

    def close(self) -> None:
        """Close at once: nothing of value is in flight."""
        if self._transport is not None:
            self._transport.abort()

    # --- the transport's events ----------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.flow = FlowControl(transport)
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        outgoing = self._outgoing
        if outgoing is None:
            self.close()  # an answer without a request
            return
        if not self._head_bytes and not outgoing.bodiless:
            answer = read_answer(data, _HEADS, self._recent)
            if answer is not None:
                self._recent = answer.head
                self._take_whole(outgoing, answer)
                return
        begun = self._answer_begun
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                outgoing.fail(Failure.BROKEN, f"answer: {error!r}")
                return
            self._extra = True
        self._head_bytes += len(data)
        if self._complete:
            self._finish(outgoing)
        elif begun and self._framing_exceeds(len(data)):
            outgoing.fail(Failure.BROKEN, "more framing than data")
        elif self._answer_begun:
            outgoing.progressed()
            outgoing.receiver.answer_pause()
        elif self._head_bytes > _HEAD_BYTES:
            outgoing.fail(Failure.BROKEN, "head is too long")

    def _framing_exceeds(self, nbytes: int) -> bool:
        """Whether too many bytes of the body are none of its data, `nbytes` just read included.

        Extensions of chunks are skipped by llhttp, and an endless trailer is gathered by it.
        """
        self._unpaid_bytes = max(0, self._unpaid_bytes + nbytes)
        return self._unpaid_bytes > CHUNK_UNPAID_BYTES

    def _take_whole(self, outgoing: Outgoing, answer: Answer) -> None:
        """Take an answer that has come in one piece, on a connection that lasts."""
        self._keep_alive = True
        try:
            outgoing.receiver.answer_head(answer.head, len(answer.body))
            if answer.body and not outgoing.done:
                outgoing.receiver.answer_body(answer.body)
        except Exception as error:  # of any kind: the receiver must hear of it
            outgoing.fail(Failure.BROKEN, f"answer: {error!r}")
        if not outgoing.done:
            self._finish(outgoing)

    def eof_received(self) -> None:
        """End an answer without a length: the member sends no more (under TLS: close_notify)."""
        outgoing = self._outgoing
        if outgoing is not None and self._until_closed and not self._complete:
            self._extra = True
            self._finish(outgoing)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        if self.flow is not None:
            self.flow.let_go()
        self._parser = None  # it refers back to us: a cycle, which would wait for the collector
        self._pool.lost(self)
        outgoing, self._outgoing = self._outgoing, None
        if outgoing is None or outgoing.done:
            return
        outgoing.connection = None
        # A kept-alive connection that the member closed while the request was on its way: it has
        # not been answered, and asking again changes nothing (RFC 9112 section 9.3.1).
        # A new connection that breaks is the endpoint's fault: only another one may be asked.
        pool = self._pool
        repeatable = outgoing.repeatable and not self._head_bytes
        if repeatable and (self.used or pool.has_others):
            if not self.used:
                pool.failed()
            if pool.sent_again(outgoing, sent=True):
                return
        outgoing.fail(Failure.BROKEN, "connection lost")

    def pause_writing(self) -> None:
        self._tell_writable(False)

    def resume_writing(self) -> None:
        self._tell_writable(True)

    def _tell_writable(self, writable: bool) -> None:
        if self.flow is not None:
            self.flow.writing_paused = not writable
        outgoing = self._outgoing
        if outgoing is not None:
            outgoing.take_turns(outgoing.answer_timeout_s)
            outgoing.receiver.request_writable(writable)

    # --- the parser's events -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            raise ValueError("bytes after the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._answer_begun:
            self._drop_trailer(len(name) + len(value))
            return
        name = name.lower()
        self._fields.append((name, value))
        if name == b"content-length":
            self._length = int(value)

    def _drop_trailer(self, nbytes: int) -> None:
        """Drop a trailer (RFC 9110 section 6.5.1), and bound them as header fields are bounded."""
        self._trailers += 1
        self._trailer_bytes += nbytes
        if self._trailers > HEADER_FIELDS or self._trailer_bytes > HEADER_SECTION_BYTES:
            raise ValueError("trailers are too long")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 100:
            raise ValueError("status is not one of three digits")
        if status < 200:
            self._fields, self._length = [], None
            if status == 101:
                raise ValueError("protocol was switched")
            return
        outgoing = self._outgoing
        if outgoing is None or status > 599 or len(self._fields) > HEADER_FIELDS:
            raise ValueError("head is not acceptable")
        if self._head_bytes > _HEAD_BYTES:  # in earlier reads
            raise ValueError("head is too long")
        self._answer_begun = True
        self._unpaid_bytes = self._trailers = self._trailer_bytes = 0
        self._keep_alive = self._parser.should_keep_alive()
        length = self._read_framing(outgoing.bodiless or status in _BODILESS)
        outgoing.receiver.answer_head(AnswerHead(status, self._fields), length)
        if outgoing.bodiless:
            # llhttp cannot be told that no body follows, so it is replaced.
            self._complete = True
            self._parser = httptools.HttpResponseParser(self)

    def _read_framing(self, bodiless: bool) -> int | None:
        coding = [value.lower() for name, value in self._fields if name == b"transfer-encoding"]
        if coding and coding != [b"chunked"]:
            raise ValueError("transfer coding is not chunked")
        version = self._parser.get_http_version()
        if version != "1.1" and (version != "1.0" or coding):  # RFC 9112 section 6.1
            raise ValueError("version is not one that answers are read in")
        if self._length is None and not coding and not bodiless:
            self._until_closed = True
        return self._length

    def on_body(self, body: bytes) -> None:
        if self._complete or self._outgoing is None:
            self._extra = True
        else:
            self._unpaid_bytes -= CHUNK_PAID_BYTES * len(body)
            self._outgoing.receiver.answer_body(body)

    def on_message_complete(self) -> None:
        if self._answer_begun:
            self._complete = True

    # --- the end -------------------------------------------------------------------------------

    def _finish(self, outgoing: Outgoing) -> None:
        """End a whole answer. The connection is free before the receiver hears of it."""
        outgoing.done = True
        self._pool.deadlines.forget(outgoing)
        self._outgoing = outgoing.connection = None
        if self._pool.ejection.failures:
            self._pool.ejection.succeeded()
        reusable = self._keep_alive and outgoing.whole and not self._extra
        self._reset()
        if reusable:
            self.used = True
            if self.flow is not None and self.flow.reading_paused:
                self.flow.read(True)
            self._pool.released(self)
        else:
            self.close()
        outgoing.receiver.answer_end()
