"""The join of a caller's exchange to a request to a member, at the slower side's pace.

Bodies pass both ways. Memory is bounded by the transports' buffers: a side that is too slow pauses
the other.
"""

from __future__ import annotations

from weir.kernel.outcomes import Refusal
from weir.wire.declares import CALL_S
from weir.wire.exchange import Exchange
from weir.wire.heads import AnswerHead
from weir.wire.member_connection import AnswerReceiver, Failure, Outgoing
from weir.wire.upstream import Pool


class Relay:
    """The receiver of both an exchange's body and its answer. Subclasses decide their meaning."""

    __slots__ = ("_chunked", "_streams", "exchange", "outgoing")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.outgoing: Outgoing | None = None
        self._chunked = False
        self._streams = False

    # --- what a subclass decides ---------------------------------------------------------------

    def head_lines(self, head: AnswerHead) -> bytes:
        """Return the field lines to answer with, framing left out."""
        raise NotImplementedError

    def answer_end(self) -> None:
        """End the exchange, if it is open: the answer is whole and its last byte has not left."""
        raise NotImplementedError

    def failed(self, failure: Failure | Refusal, detail: str) -> None:
        """Refuse if `exchange.begun` is False, else break off: there is no whole answer."""
        raise NotImplementedError

    def caller_gone(self) -> None:
        """Give up: the caller left before the answer's end."""
        raise NotImplementedError

    def still_allowed(self) -> bool:
        """Whether a request that had to wait may still leave; False once it was refused."""
        return True

    # --- sending -------------------------------------------------------------------------------

    def forward(
        self,
        pool: Pool,
        head: bytes,
        *,
        body: bytes | None,
        max_body_bytes: int,
        repeatable: bool,
        answer_timeout_s: float,
        whole_within_s: float = CALL_S,
        answering: AnswerReceiver | None = None,
    ) -> None:
        """Send `head` (without framing and empty line) and the body: `body`, or as it arrives.

        `answering` takes the answer in this relay's place. Times are seconds. Refusal
        BODY_TOO_LARGE when the body is announced to be larger than `max_body_bytes`.
        """
        exchange = self.exchange
        request = exchange.request
        self._streams = body is None and request.has_body
        self._chunked = self._streams and request.content_length is None
        exchange.receiver = self
        self.outgoing = outgoing = Outgoing(
            pool,
            answering or self,
            head + self._framing(body),
            whole=not self._streams,
            method=request.method,
            repeatable=repeatable,
            answer_timeout_s=answer_timeout_s,
            whole_within_s=whole_within_s,
        )
        if self._streams:
            exchange.receive(self, max_body_bytes)
            outgoing.repeatable = repeatable and outgoing.whole
        pool.send(outgoing)

    def _framing(self, body: bytes | None) -> bytes:
        if body is not None:
            return b"content-length: %d\r\n\r\n%b" % (len(body), body)
        if self._chunked:
            return b"transfer-encoding: chunked\r\n\r\n"
        length = self.exchange.request.content_length
        return b"\r\n" if length is None else b"content-length: %d\r\n\r\n" % length

    # --- the caller's side ---------------------------------------------------------------------

    def body_arrived(self, data: bytes) -> None:
        outgoing = self.outgoing
        if outgoing is None or outgoing.done:
            return
        outgoing.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        if outgoing.connection is None:
            self.exchange.pause_body(True)  # until there is somewhere to send it

    def body_end(self) -> None:
        outgoing = self.outgoing
        if outgoing is not None and not outgoing.done and self._streams:
            if self._chunked:
                outgoing.send(b"0\r\n\r\n")
            outgoing.sent_whole()

    def body_failed(self, refusal: Refusal) -> None:
        if self.outgoing is not None:
            self.outgoing.cancel()
        self.failed(refusal, refusal.detail)

    def gone(self) -> None:
        self.caller_gone()

    def writing(self, allowed: bool) -> None:
        if self.outgoing is not None and not self.outgoing.done:
            self.outgoing.read(allowed)

    # --- the member's side ---------------------------------------------------------------------

    def answer_head(self, head: AnswerHead, length: int | None) -> None:
        exchange = self.exchange
        if not exchange.ended:
            exchange.begin(head.status, self.head_lines(head), length)
            if exchange.connection.flow.writing_paused:
                self.writing(False)

    def answer_body(self, data: bytes) -> None:
        if not self.exchange.ended:
            self.exchange.send(data)

    def answer_pause(self) -> None:
        if not self.exchange.ended:
            self.exchange.flush()

    def answer_failed(self, failure: Failure, detail: str) -> None:
        self.failed(failure, detail)

    def request_writable(self, allowed: bool) -> None:
        if self._streams and not self.exchange.complete:
            self.exchange.pause_body(not allowed)
