"""`/livez`, `/readyz` and `/metrics` on the process's private socket."""

from __future__ import annotations

from collections.abc import Callable

from weir.gateway.front.front import Gateway
from weir.gateway.front.metrics import exposition
from weir.kernel.outcomes import Refusal
from weir.wire.exchange import Exchange
from weir.wire.peer import is_ours

_PLAIN = b"content-type: text/plain; charset=utf-8\r\n"


class Health:
    """Answers the supervisor and the metrics' collector; others find nothing here."""

    def __init__(self, gateway: Gateway) -> None:
        self.ready = False
        self._gateway = gateway
        self._answers: dict[bytes, Callable[[], tuple[int, bytes]]] = {
            b"/livez": lambda: (200, b"ok\n"),
            b"/readyz": self._readiness,
            b"/metrics": lambda: (200, exposition(gateway)),
        }

    def begin(self, exchange: Exchange) -> None:
        """Answer a request of the same user's process."""
        answer = self._answers.get(exchange.request.target)
        if not is_ours(exchange.connection.transport):
            exchange.abort()
        elif answer is None:
            exchange.answer(404, _PLAIN, b"not found\n")
        else:
            status, body = answer()
            exchange.answer(status, _PLAIN, body)

    def malformed(self, exchange: Exchange, refusal: Refusal) -> None:
        """Answer a message that is not a request."""
        exchange.answer(refusal.outcome.status, _PLAIN, b"malformed\n")

    def _readiness(self) -> tuple[int, bytes]:
        """Return status and body of `/readyz`: ready with a lease and writable records."""
        if not self.ready:
            return 503, b"not ready\n"
        if not self._gateway.parts.follower.lease.holds():
            return 503, b"no lease\n"
        if self._gateway.parts.record_stream.failing:
            return 503, b"records cannot be written\n"
        return 200, b"ready\n"
