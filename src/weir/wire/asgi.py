"""ASGI applications on the data plane's own server (ASGI 3.0, HTTP only).

Control's hosts are applications; one parser reads their requests and the gateway's, so both have
one grammar and one set of bounds.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote

import structlog

from weir.kernel.declares import PLATFORM_ERROR
from weir.kernel.outcomes import Refusal
from weir.wire.declares import UNREAD_BYTES
from weir.wire.exchange import Exchange

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

# In an application's scope: a function that says whether the caller has left.
LEFT: Final = "weir.left"
_VERSIONS: Final = {"version": "3.0", "spec_version": "2.3"}
_LINE: Final = re.compile(rb"[^\r\n\0]*")
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_PLAIN: Final = b"content-type: text/plain\r\n"
_log = structlog.get_logger("weir.wire")


class ApplicationHandler:
    """Has an application answer every exchange, each in a task of its own."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, application: Application, max_body_bytes: int
    ) -> None:
        self.loop = loop
        self.application = application
        self.max_body_bytes = max_body_bytes
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, exchange: Exchange) -> None:
        """Answer a well-formed request."""
        task = self.loop.create_task(_Run(exchange, self.max_body_bytes).run(self.application))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def malformed(self, exchange: Exchange, refusal: Refusal) -> None:
        """Answer a status and no more: gateways send no malformed requests."""
        exchange.answer(refusal.outcome.status, _PLAIN, b"")

    async def finish(self) -> None:
        """Wait for the running answers."""
        await asyncio.gather(*self._running, return_exceptions=True)


class _Run:
    """One request as an application sees it; it receives the exchange's body."""

    __slots__ = (
        "_arrived",
        "_asked",
        "_ended",
        "_exchange",
        "_max_bytes",
        "_pieces",
        "_refusal",
        "_told_end",
        "_waiting",
        "_writable",
    )

    def __init__(self, exchange: Exchange, max_bytes: int) -> None:
        self._exchange = exchange
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._arrived = 0  # bytes in the pieces
        self._asked = False  # for the body
        self._ended = False  # the body is whole
        self._told_end = False  # and the application knows
        self._refusal: Refusal | None = None
        self._waiting: asyncio.Future[None] | None = None  # the application, for input
        self._writable: asyncio.Future[None] | None = None  # the application, to send more
        exchange.receiver = self

    async def run(self, application: Application) -> None:
        """Run the application, and answer in place of one that fails or answers nothing."""
        exchange = self._exchange
        try:
            await application(self._scope(), self._receive, self._send)
        except Exception:
            if not exchange.ended and self._refusal is None:
                _log.exception("application failed")
        if exchange.ended:
            return
        if exchange.begun and not exchange.retract():
            exchange.abort()
        else:
            outcome = PLATFORM_ERROR if self._refusal is None else self._refusal.outcome
            exchange.answer(outcome.status, _PLAIN, b"")

    def _scope(self) -> dict[str, Any]:
        """Return the ASGI connection scope of an HTTP request."""
        request = self._exchange.request
        path, _, query = request.target.partition(b"?")
        text = path.decode("ascii")
        return {
            "type": "http",
            "asgi": _VERSIONS,
            "http_version": "1.1",
            "server": None,
            "client": None,
            "scheme": "http",
            "root_path": "",
            "method": request.method,
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "headers": request.fields,
            LEFT: self._left,
        }

    def _left(self) -> bool:
        """Whether the caller has left, so that nobody would read an answer."""
        return self._exchange.ended

    # --- what the application calls --------------------------------------------------------------

    async def _receive(self) -> dict[str, Any]:
        """Return the next ASGI event: `http.request` or `http.disconnect`.

        Refusals of the body: BODY_TOO_LARGE, REQUEST_TIMEOUT and MALFORMED_HTTP.
        """
        if not self._asked:
            self._asked = True
            self._exchange.receive(self, self._max_bytes)
        while not self._has_news():
            if self._refusal is not None:
                raise self._refusal
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        if self._exchange.ended:
            return {"type": "http.disconnect"}
        body, self._pieces, self._arrived = b"".join(self._pieces), [], 0
        self._told_end = self._ended
        if not self._ended:
            self._exchange.pause_body(False)
        return {"type": "http.request", "body": body, "more_body": not self._ended}

    def _has_news(self) -> bool:
        """Whether there is a piece of the body, its untold end, or the end of the exchange."""
        news = self._pieces or self._exchange.ended or (self._ended and not self._told_end)
        return bool(news)

    async def _send(self, message: dict[str, Any]) -> None:
        exchange = self._exchange
        if exchange.ended:  # the caller has gone
            return
        if message["type"] == "http.response.start":
            lines, length = _framed(message.get("headers", ()))
            exchange.begin(message["status"], lines, length)
            return
        exchange.send(message.get("body", b""))
        if not message.get("more_body", False):
            exchange.end()
            self._wake()
            return
        exchange.flush()
        if self._writable is not None:
            await self._writable

    # --- what the exchange tells -----------------------------------------------------------------

    def body_arrived(self, data: bytes) -> None:
        self._pieces.append(data)
        self._arrived += len(data)
        if self._arrived > UNREAD_BYTES:
            self._exchange.pause_body(True)
        self._wake()

    def body_end(self) -> None:
        self._ended = True
        self._wake()

    def body_failed(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self._wake()

    def gone(self) -> None:
        self._wake()
        self.writing(True)

    def writing(self, allowed: bool) -> None:
        held = self._writable
        if not allowed and held is None:
            self._writable = asyncio.get_running_loop().create_future()
        elif allowed and held is not None:
            self._writable = None
            if not held.done():
                held.set_result(None)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


def _framed(headers: Any) -> tuple[bytes, int | None]:
    """Return the field lines without framing, and the length they gave, None for none.

    ValueError for a broken line.
    """
    lines: list[bytes] = []
    length: int | None = None
    for name, value in headers:
        if _LINE.fullmatch(value) is None:
            raise ValueError("a field of the answer holds a line feed")
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() not in _FRAMING:
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines), length
