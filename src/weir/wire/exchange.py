"""One request and its answer on a caller's connection: the request cycle.

The body comes in when a receiver wants it and not before; the answer's last byte goes out only with
`end`, so that the handler can write the call record before it.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, Protocol

from weir.kernel.outcomes import Refusal
from weir.wire.caller import CallerConnection
from weir.wire.declares import BODY_TOO_LARGE
from weir.wire.message import Request

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_STATUS_LINES: Final = {
    code: f"HTTP/1.1 {code} {_PHRASES.get(code, '')}\r\n".encode() for code in range(200, 600)
}
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE: Final = b"connection: close\r\n"
_CHUNKED: Final = b"transfer-encoding: chunked\r\n\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})
_DATE_FIRST: Final = b"date: "
_DATE: Final = b"\r\ndate: "


class DateLine:
    """The field line `Date` (RFC 9110 section 6.6.1), written once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def at(self, now_s: float) -> bytes:
        """Return the line for a moment in Unix seconds."""
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._line = b"date: %b\r\n" % formatdate(second, usegmt=True).encode("ascii")
        return self._line


_date_line: Final = DateLine()


class Receiver(Protocol):
    """The answering side of an exchange. Nothing is called any more once the answer has ended."""

    def body_arrived(self, data: bytes) -> None:
        """Take a piece of the request's body."""

    def body_end(self) -> None:
        """Note that the request's body is whole."""

    def body_failed(self, refusal: Refusal) -> None:
        """Give up the request's body: it broke off, or was malformed, too large or too slow."""

    def gone(self) -> None:
        """Give up the answer: the caller's connection is lost."""

    def writing(self, allowed: bool) -> None:
        """Pause while the caller reads too slowly (False), go on when it has caught up (True)."""


class Exchange:
    """A request, the pieces of its body, and its answer. Begun and ended exactly once."""

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_early",
        "_left",
        "_left_already",
        "_max_bytes",
        "_out",
        "_receiving",
        "_wanted",
        "answer_bytes",
        "arrived_ns",
        "begun",
        "body_bytes",
        "certificate",
        "close",
        "complete",
        "connection",
        "ended",
        "receiver",
        "refusal",
        "request",
    )

    def __init__(self, connection: CallerConnection, request: Request, arrived_ns: int) -> None:
        self.connection = connection
        self.certificate = connection.certificate  # the caller's
        self.request = request
        self.arrived_ns = arrived_ns  # Unix time
        self.receiver: Receiver | None = None
        self.refusal: Refusal | None = None  # why this is not a request that can be served
        self.complete = False  # the request has arrived in full
        self.begun = False
        self.ended = False
        self.close = False
        self.body_bytes = 0
        self.answer_bytes = 0  # of the answer's body, without chunk framing
        self._early: list[bytes] = []
        self._receiving = False
        self._wanted = False
        self._max_bytes = 0
        self._out: list[bytes] = []
        self._left: int | None = None
        self._left_already = False
        self._chunked = False
        self._bodiless = False

    # --- the request's body --------------------------------------------------------------------

    def receive(self, receiver: Receiver, max_bytes: int) -> None:
        """Begin to hand the body to `receiver`.

        Refusal BODY_TOO_LARGE if it is announced so, else any refusal of the body so far.
        """
        if self.refusal is not None:
            raise self.refusal
        announced = max(self.request.content_length or 0, self.body_bytes)
        if announced > max_bytes:
            raise Refusal(BODY_TOO_LARGE, f"{announced} bytes", max_bytes=max_bytes)
        self.receiver = receiver
        self._receiving = self._wanted = True
        self._max_bytes = max_bytes
        if self.complete:
            self._deliver_rest()
            return
        if self.request.expects_continue and not self._early:
            self.connection.write(_CONTINUE)
        self._deliver_early()
        self.connection.steer_reading()

    def pause_body(self, paused: bool) -> None:
        """Stop reading the body for a while, because it cannot be passed on fast enough."""
        self._wanted = not paused
        if not paused:
            self._deliver_early()
        self.connection.steer_reading()

    def _deliver_early(self) -> None:
        early, self._early = self._early, []
        for data in early:
            self._pass_on(data)

    def _deliver_rest(self) -> None:
        self._deliver_early()
        if self.receiver is not None and not self.ended:
            self.receiver.body_end()

    @property
    def wants_body(self) -> bool:
        """Whether the connection should go on reading for this exchange."""
        return self._wanted or self.complete

    def body_arrived(self, data: bytes) -> None:
        """Take a piece of the body from the parser."""
        self.body_bytes += len(data)
        if self.ended:
            return
        if not self._wanted:
            self._early.append(data)
        elif self.body_bytes > self._max_bytes:
            self.fail(Refusal(BODY_TOO_LARGE, "chunks", max_bytes=self._max_bytes))
        else:
            self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        if self.receiver is not None and not self.ended:
            self.receiver.body_arrived(data)

    def body_whole(self) -> None:
        """Note that the message was parsed to its end."""
        self.complete = True
        if self._receiving:
            self._deliver_rest()

    def fail(self, refusal: Refusal) -> None:
        """Give the body up. The connection cannot be used after the answer."""
        self.close = True
        self.refusal = refusal
        if self.receiver is not None and not self.ended:
            self.receiver.body_failed(refusal)

    def caller_gone(self) -> None:
        """End the exchange, since the connection is lost."""
        if not self.ended:
            self.ended = True
            if self.receiver is not None:
                self.receiver.gone()

    # --- the answer ----------------------------------------------------------------------------

    def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Answer in one piece."""
        self.begin(status, lines, len(body))
        self.send(body)
        self.end()

    def begin(self, status: int, lines: bytes, length: int | None) -> None:
        """Start the answer. `lines` are whole field lines without framing; `length` None means
        chunked.

        A `Date` among them stays; else the answer gets one. Nothing leaves before the first `flush`
        or `end`.
        """
        self.begun = True
        if not (self.complete and self.request.keep_alive) or self.connection.draining:
            self.close = True
        out = self._out
        out.append(_STATUS_LINES[status])
        out.append(lines)
        if _DATE not in lines and not lines.startswith(_DATE_FIRST):
            out.append(_date_line.at(time.time()))
        if self.close:
            out.append(_CLOSE)
        self._bodiless = self.request.method == "HEAD" or status in _BODILESS
        if status in _BODILESS:
            out.append(b"\r\n")
        elif length is None:
            self._chunked = not self._bodiless
            out.append(_CHUNKED)
        else:
            self._left = None if self._bodiless else length
            out.append(b"content-length: %d\r\n\r\n" % length)

    def send(self, data: bytes) -> None:
        """Add a piece of the answer's body."""
        if self._bodiless or not data:
            return
        self.answer_bytes += len(data)
        if self._chunked:
            self._out.append(b"%x\r\n" % len(data))
            self._out.append(data)
            self._out.append(b"\r\n")
        else:
            if self._left is not None:
                self._left -= len(data)
            self._out.append(data)

    def flush(self) -> None:
        """Let the pieces sent so far leave, unless they hold the answer's last byte."""
        if self._out and not (self._bodiless or self._left == 0):
            self._left_already = True
            self.connection.write(b"".join(self._out))
            self._out.clear()

    def retract(self) -> bool:
        """Take the answer back, if nothing of it has left, so that another can be begun.

        Return whether it was taken back.
        """
        if self._left_already or self.ended:
            return False
        self._out.clear()
        self.begun = self._chunked = self._bodiless = False
        self._left = None
        self.answer_bytes = 0
        return True

    def end(self) -> None:
        """End a whole answer: let its last byte leave.

        An answer that is longer or shorter than was announced is broken off: the next one on the
        connection would be read as a part of it, or a part of it as the next one.
        """
        if self._left:
            self.abort()
            return
        if self._chunked:
            self._out.append(_LAST_CHUNK)
        self.ended = True
        self.receiver = None
        self.connection.write(b"".join(self._out))
        self._out.clear()
        self.connection.answered(self)

    def abort(self) -> None:
        """Break the answer off, so that the caller cannot take it for whole."""
        self.ended = True
        self._out.clear()
        self.connection.close()
