"""A load generator that presents a client certificate: keep-alive connections, one call at a time
on each, as fast as the answers come. It prints one JSON object: calls, errors, latencies.

`python -m bench.load --help` shows its options; benchmarks start it as a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop


@dataclass(slots=True)
class Tally:
    """What came back. Latencies are in microseconds."""

    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    latencies_us: list[int] = field(default_factory=list)
    until: float = 0.0


class Caller(asyncio.Protocol):
    """One connection: send, wait for the whole answer, send again."""

    def __init__(self, request: bytes, tally: Tally, done: asyncio.Future[None]) -> None:
        self._request = request
        self._tally = tally
        self._done = done
        self._began = 0.0
        self._status = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        status = self._parser.get_status_code()
        self._tally.statuses[status] = self._tally.statuses.get(status, 0) + 1
        self._tally.latencies_us.append(int((now - self._began) * 1e6))
        if now < self._tally.until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if time.perf_counter() < self._tally.until:
            self._tally.broken += 1
        if not self._done.done():
            self._done.set_result(None)


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Open every connection, call until the time is over, and say what came back."""
    url = urlsplit(arguments.url)
    context = ssl.create_default_context(cafile=arguments.ca)
    context.load_cert_chain(arguments.certificate, arguments.key)
    lines = [f"GET {url.path} HTTP/1.1", f"host: {url.netloc}", *arguments.header]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    loop = asyncio.get_running_loop()
    tally = Tally(until=time.perf_counter() + arguments.seconds)
    ends = []
    for _ in range(arguments.connections):
        done: asyncio.Future[None] = loop.create_future()
        ends.append(done)
        await loop.create_connection(
            lambda done=done: Caller(request, tally, done),  # type: ignore[misc]
            arguments.address,
            url.port,
            ssl=context,
            server_hostname=url.hostname,
        )
    await asyncio.gather(*ends)
    return summary(tally, arguments.seconds)


def summary(tally: Tally, seconds: float) -> dict[str, Any]:
    """Counts, rate and percentiles, exact."""
    ordered = sorted(tally.latencies_us) or [0]
    answered = sum(tally.statuses.values())
    return {
        "answered": answered,
        "statuses": tally.statuses,
        "broken": tally.broken,
        "calls_per_s": answered / seconds,
        "min_us": ordered[0],
        "p50_us": ordered[len(ordered) // 2],
        "p99_us": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Call one address over TLS, as fast as it answers")
    parser.add_argument("url")
    parser.add_argument("--address", default="127.0.0.1", help="IP address to connect to")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(arguments))))


if __name__ == "__main__":
    main()
