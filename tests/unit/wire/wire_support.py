"""A loop whose time the test moves, a transport that keeps what was written, and a handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from weir.kernel.outcomes import Refusal
from weir.wire.deadlines import Deadlines
from weir.wire.downstream import Listener, ServerConnection
from weir.wire.exchange import Exchange


class FakeLoop:
    """Only what the wire asks of a loop."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Any:
        self.timers.append((self.now_s + delay_s, callback))
        return None

    def pass_time(self, seconds: float) -> None:
        """Timer by timer, each at its time; a loop that is late for them is another test's."""
        until_s = self.now_s + seconds
        while due := [timer for timer in self.timers if timer[0] <= until_s]:
            next_one = min(due, key=lambda timer: timer[0])
            self.timers.remove(next_one)
            self.now_s = next_one[0]
            next_one[1]()
        self.now_s = until_s


class FakeTransport:
    def __init__(self) -> None:
        self.written = b""
        self.writes: list[bytes] = []
        self.closed = False
        self.aborted = False
        self.reading = True

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.7", 4711) if name == "peername" else None

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after close"
        self.writes.append(data)
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True


class Taking:
    """Receives an exchange's body and notes everything."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    @property
    def data(self) -> bytes:
        return b"".join(event for event in self.events if isinstance(event, bytes))

    def body_arrived(self, data: bytes) -> None:
        self.events.append(data)

    def body_end(self) -> None:
        self.events.append("end")

    def body_failed(self, refusal: Refusal) -> None:
        self.events.append(refusal.outcome.code)

    def gone(self) -> None:
        self.events.append("gone")

    def writing(self, allowed: bool) -> None:
        self.events.append(("writing", allowed))


@dataclass
class NotingHandler:
    """Keeps every exchange; `then` answers at once when it is given."""

    then: Callable[[Exchange], None] | None = None
    begun: list[Exchange] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def begin(self, exchange: Exchange) -> None:
        self.begun.append(exchange)
        if self.then is not None:
            self.then(exchange)

    def malformed(self, exchange: Exchange, refusal: Refusal) -> None:
        self.refused.append(refusal.outcome.code)
        exchange.answer(refusal.outcome.status, b"", b"")


class Wire:
    """A connection to a listener, fed by hand."""

    def __init__(self, then: Callable[[Exchange], None] | None = None) -> None:
        self.loop = FakeLoop()
        self.handler = NotingHandler(then)
        self.deadlines = Deadlines(self.loop, 1.0)  # type: ignore[arg-type]
        self.deadlines.start()
        self.listener = Listener(self.loop, self.handler, "public", self.deadlines)  # type: ignore[arg-type]
        self.connection: ServerConnection = self.listener.connection()
        self.transport = FakeTransport()
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]

    def feed(self, raw: bytes, piece: int | None = None) -> None:
        step = piece or len(raw)
        for start in range(0, len(raw), step):
            data = raw[start : start + step]
            self.connection.data_received(data)

    def pass_time(self, seconds: float) -> None:
        self.loop.pass_time(seconds)


def ok(exchange: Exchange) -> None:
    exchange.answer(200, b"", b"hi")


def get(target: str = "/", *lines: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *lines, "", ""]).encode("latin-1")


def post(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join(["POST / HTTP/1.1", "Host: a", *lines, "", ""]).encode("latin-1") + body
