"""OpenTelemetry spans of calls, for the gateway's operator, sent by OTLP over HTTP.

Off unless a receiver is named; then nothing here is loaded and a call pays for one comparison.
Spans are handed over after the call has been recorded and are sent by a thread of the SDK. They say
what a call record says: no token, no concrete path, no consent, no account.
"""

from __future__ import annotations

import random
import time
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from weir.gateway.declares import TRACE_EXPORT_TIMEOUT_S, TRACES_PER_S
from weir.gateway.observing import trace_context
from weir.gateway.observing.trace import CallFacts, Trace
from weir.wire.exchange import Exchange

PATH: Final = "/v1/traces"  # OTLP/HTTP's, under the receiver's address
_SERVER_ERROR: Final = 500


class SpanExporter:
    """Begins and ends the traces of one gateway process."""

    def __init__(self, endpoint: str, sampled_percent: int) -> None:
        exporter = OTLPSpanExporter(
            endpoint=endpoint.rstrip("/") + PATH, timeout=TRACE_EXPORT_TIMEOUT_S
        )
        self._processor = BatchSpanProcessor(exporter)
        self._resource = Resource.create({"service.name": "weir-gateway"})
        self._percent = sampled_percent
        self._second = 0
        self._left = 0
        # Identifiers of traces must be distinct, not secret (section 5.2 of Trace Context).
        self._random = random.Random(random.SystemRandom().getrandbits(256))  # noqa: S311

    def begin(self, exchange: Exchange) -> Trace:
        """Return the call's place in the caller's trace, or in a new one.

        The caller's wish to be traced is honoured; others are chosen by percent. Both only up to
        TRACES_PER_S, so that no caller can have the gateway do nothing but write spans.
        """
        given = trace_context.read(exchange.request.fields)
        bits = self._random.getrandbits
        trace_id = b"%032x" % (bits(128) or 1) if given is None else given.trace_id
        wished = bits(20) % 100 < self._percent if given is None else given.sampled
        return Trace(given, trace_id, bits(128) | 1 << 64 | 1, wished and self._may_sample())

    def _may_sample(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._left = second, TRACES_PER_S
        self._left -= 1
        return self._left >= 0

    def end(self, trace: Trace, facts: CallFacts) -> None:
        """Hand over the spans of a call that was answered and recorded."""
        if not trace.sampled:
            return
        now_ns = time.time_ns()
        parent = None if trace.given is None else _context(trace, trace.given.parent_id, True)
        here = _context(trace, trace.call_id, False)
        self._hand_over(facts, here, parent, SpanKind.SERVER, facts.arrived_ns, now_ns)
        if trace.forwarded_ns:
            member = _context(trace, trace.member_id, False)
            self._hand_over(facts, member, here, SpanKind.CLIENT, trace.forwarded_ns, now_ns)

    def _hand_over(
        self,
        facts: CallFacts,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        began_ns: int,
        ended_ns: int,
    ) -> None:
        method, route = facts.method, facts.route
        failed = facts.status >= _SERVER_ERROR
        span = ReadableSpan(
            name=method if route is None else f"{method} {route}",
            context=context,
            parent=parent,
            resource=self._resource,
            attributes=_attributes(facts),
            kind=kind,
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            start_time=began_ns,
            end_time=ended_ns,
        )
        self._processor.on_end(span)

    def close(self) -> None:
        """Send the spans left. Waits for the receiver; call from a thread."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def _context(trace: Trace, span_id: bytes, remote: bool) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(trace.trace_id, 16), int(span_id, 16), remote, flags)


def _attributes(facts: CallFacts) -> dict[str, Any]:
    """Return a span's attributes, text or integer each.

    By OpenTelemetry's semantic conventions for HTTP, and our own under `weir.`.
    """
    attributes = {
        "http.request.method": facts.method,
        "http.route": facts.route,
        "http.response.status_code": facts.status,
        "url.scheme": "https",
        "error.type": facts.code,
        "weir.interaction_id": facts.interaction_id,
        "weir.application": facts.application,
        "weir.product": facts.product,
        "weir.member": facts.member,
    }
    return {name: value for name, value in attributes.items() if value is not None}
