"""The gateway's metrics, in one closed list: plain integers, written as metrics when scraped.

docs/gateway.md repeats the list; a test fails when one is missing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from weir import compiled
from weir.gateway.observing.counts import Counts

if TYPE_CHECKING:
    from weir.gateway.front.front import Gateway

METRICS: Final = {
    "weir_gateway_calls": "Calls answered, by status and by refusal (empty: the member's answer).",
    "weir_gateway_call_seconds": "Time from a call's head to its record.",
    "weir_gateway_passed": "Requests passed through to control, by host role.",
    "weir_gateway_connections": "Open connections of callers, by port.",
    "weir_gateway_connection_places": "Connections of callers this process takes at most.",
    "weir_gateway_connections_crowded_out": (
        "Connections of callers that got no place (refused) or lost it to others (closed)."
    ),
    "weir_gateway_member_connections": "Open connections to members.",
    "weir_gateway_endpoints_ejected": "Endpoints of members that are not called for a while.",
    "weir_gateway_retries": "Requests to members that were sent again.",
    "weir_gateway_calls_in_flight": "Calls admitted that are not yet answered whole.",
    "weir_gateway_in_flight": "Requests sent to members and control that are not yet answered.",
    "weir_gateway_records": "Call records written.",
    "weir_gateway_known_tokens": "Access tokens known by their bytes.",
    "weir_gateway_applied_change": "Number of the last change applied.",
    "weir_gateway_lease_seconds": "Seconds this process may still serve consented calls.",
    "weir_gateway_compiled": "1 when the data plane is compiled, 0 when it is interpreted.",
    "weir_gateway_revocations": "Revocations that may still void something.",
    "weir_gateway_pause_seconds": "Longest pause of the last 15 to 30 seconds, by cause.",
}


class _GatewayCollector(Collector):
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterable[Metric]:
        gateway, parts = self._gateway, self._gateway.parts
        yield from _counted(parts.counts)
        yield _gauge("weir_gateway_calls_in_flight", parts.concurrency.total)
        yield _gauge("weir_gateway_in_flight", len(parts.in_flight))
        yield _gauge("weir_gateway_known_tokens", len(parts.tokens))
        yield _gauge("weir_gateway_applied_change", parts.follower.snapshot.sequence)
        yield _gauge("weir_gateway_lease_seconds", parts.follower.lease.left_s())
        yield _gauge("weir_gateway_compiled", compiled.is_used())
        yield _gauge("weir_gateway_member_connections", parts.members.connections())
        yield _gauge("weir_gateway_endpoints_ejected", parts.members.ejected())
        yield _gauge("weir_gateway_revocations", len(parts.follower.snapshot.revoked))
        stalls = GaugeMetricFamily(*_named("weir_gateway_pause_seconds"), labels=["cause"])
        for cause, longest_s in parts.stalls.longest_s().items():
            stalls.add_metric([cause], longest_s)
        yield stalls
        connections = GaugeMetricFamily(*_named("weir_gateway_connections"), labels=["port"])
        for listener in gateway.listeners:
            connections.add_metric([listener.kind], len(listener.connections))
        yield connections
        yield _gauge("weir_gateway_connection_places", gateway.places.total)
        crowded = CounterMetricFamily(
            *_named("weir_gateway_connections_crowded_out"), labels=["how"]
        )
        crowded.add_metric(["refused"], gateway.places.refused)
        crowded.add_metric(["closed"], gateway.places.closed)
        yield crowded
        retries = CounterMetricFamily(*_named("weir_gateway_retries"))
        retries.add_metric([], parts.members.retries())
        yield retries
        records = CounterMetricFamily(*_named("weir_gateway_records"))
        records.add_metric([], parts.record_stream.written)
        yield records


def _named(name: str) -> tuple[str, str]:
    """Return a metric's name and its words in METRICS."""
    return name, METRICS[name]


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(*_named(name), value=value)


def _counted(counts: Counts) -> Iterator[Metric]:
    calls = CounterMetricFamily(*_named("weir_gateway_calls"), labels=["status", "refusal"])
    for (status, refusal), number in counts.calls.items():
        calls.add_metric([str(status), refusal], number)
    yield calls
    passed = CounterMetricFamily(*_named("weir_gateway_passed"), labels=["role"])
    for role, number in counts.passed.items():
        passed.add_metric([role], number)
    yield passed
    seconds = HistogramMetricFamily(*_named("weir_gateway_call_seconds"))
    seconds.add_metric([], _cumulated(counts.durations), counts.duration_us / 1e6)
    yield seconds


def _cumulated(durations: list[int]) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    total = 0
    for exponent, number in enumerate(durations):
        total += number
        last = exponent == len(durations) - 1
        buckets.append(("+Inf" if last else repr((1 << exponent) / 1e6), total))
    return buckets


def exposition(gateway: Gateway) -> bytes:
    """Return the metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_GatewayCollector(gateway))
    return generate_latest(registry)
