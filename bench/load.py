"""A load generator that presents a client certificate, in one process without threads.

It is told what to do line by line: a JSON object on standard input, a JSON object back on standard
output (`bench/load_process.py` is the other end). Sockets are driven by one epoll loop with OpenSSL
on the socket itself, requests are bytes made beforehand, and an answer of the usual length is not
parsed, so that the generator costs a fraction of what it measures and holds many connections.

- `open`, `close`: keep-alive connections
- `bring`: requests made beforehand, each sent once
- `call`: closed loop, a call at a time on each connection, as fast as answers come
- `pace`: open loop at a rate, whatever the answers do; connections are used in turn
- `short`: a new connection for each call, with a full or a resumed handshake
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import select
import socket
import ssl
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

BUFFER_BYTES = 262_144
RECORD_BYTES = 16_384  # OpenSSL writes one TLS record at a time
HANDSHAKES_AT_ONCE = 64
PATIENCE_S = 30.0  # without any event while something is awaited
_GOOD = b"HTTP/1.1 200"
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class Connection:
    """One TLS connection and the call it carries."""

    __slots__ = ("began_s", "head", "left", "socket", "status", "unsent")

    def __init__(self, connected: ssl.SSLSocket) -> None:
        self.socket = connected
        self.began_s = 0.0
        self.unsent: memoryview | None = None
        self.head: bytes | None = None  # None before anything of the answer has come
        self.left = 0  # of the answer's body
        self.status = 0


class Tally:
    """Tally of the answers. Times are in microseconds."""

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.broken = 0
        self.opened = 0
        self.resumed = 0
        self.bytes_in = 0
        self.latencies_us = array("d")
        self.late_us = array("d")
        self._began_s = time.perf_counter()
        self._cpu_s = time.process_time()

    def answered(self, status: int, latency_s: float) -> None:
        """Count one answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies_us.append(latency_s * 1e6)

    def summary(self) -> dict[str, Any]:
        """Counts, rate, exact percentiles, and what the generator itself cost."""
        answered = len(self.latencies_us)
        seconds = time.perf_counter() - self._began_s
        return {
            "answered": answered,
            "statuses": self.statuses,
            "failed": answered - self.statuses.get(200, 0) + self.broken,
            "broken": self.broken,
            "opened": self.opened,
            "resumed": self.resumed,
            "seconds": seconds,
            "calls_per_s": answered / seconds,
            "mib_per_s": self.bytes_in / seconds / 2**20,
            **_percentiles(self.latencies_us),
            "late_p99_us": _percentiles(self.late_us)["p99_us"],
            "generator_us_a_call": (time.process_time() - self._cpu_s) * 1e6 / max(1, answered),
        }


def _percentiles(values_us: array[float]) -> dict[str, float]:
    ordered = sorted(values_us) or [0.0]
    last = len(ordered) - 1
    ranks = {"min_us": 0, "p50_us": last // 2, "p99_us": last * 99 // 100, "max_us": last}
    return {name: round(ordered[rank], 1) for name, rank in ranks.items()}


class Generator:
    """All connections to one target, and the loop that drives them."""

    def __init__(self, plan: argparse.Namespace) -> None:
        url = urlsplit(plan.url)
        self._address = (plan.address, url.port or 443)
        self._name = url.hostname
        self._tls = ssl.create_default_context(cafile=plan.ca)
        self._tls.load_cert_chain(plan.certificate, plan.key)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._requests = requests(plan)
        self._epoll = select.epoll()
        self._all: dict[int, Connection] = {}
        self._idle: deque[Connection] = deque()
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._usual_bytes = 0  # the length of an answer, once one was parsed
        self._tally = Tally()

    # --- commands ------------------------------------------------------------------------------

    def open(self, connections: int) -> dict[str, Any]:
        """Open connections until there are so many."""
        self._tally = tally = Tally()
        shaking: dict[int, ssl.SSLSocket] = {}
        while len(self._all) + len(shaking) < connections or shaking:
            while len(shaking) < HANDSHAKES_AT_ONCE and (
                len(self._all) + len(shaking) < connections
            ):
                begun = self._connect(None)
                shaking[begun.fileno()] = begun
                self._epoll.register(begun.fileno(), _IN | _OUT)
            for number, _ in self._events():
                if number not in shaking:
                    self._drop_idle(number)
                elif self._shake(shaking[number]):
                    self._keep(shaking.pop(number))
        tally.opened = connections
        gc.collect()
        gc.freeze()  # a collection that walked thousands of connections would send calls late
        return tally.summary()

    def bring(self, path: str) -> dict[str, Any]:
        """Send the requests of a file from here on, one after the other; a NUL parts them."""
        self._requests = iter(Path(path).read_bytes().split(b"\0"))
        return {}

    def close(self) -> dict[str, Any]:
        """Close every connection."""
        for each in self._all.values():
            each.socket.close()
        self._all.clear()
        self._idle.clear()
        return {}

    def call(self, seconds: float, calls: int | None = None) -> dict[str, Any]:
        """Closed loop over all connections, until the time is over or so many calls were made."""
        self._look_after_idle()
        self._tally = tally = Tally()
        until_s = time.perf_counter() + seconds
        left = sys.maxsize if calls is None else calls
        under_way = 0

        def again(each: Connection, now_s: float) -> None:
            nonlocal left, under_way
            if now_s >= until_s or left == 0:
                self._idle.append(each)
                under_way -= 1
                return
            left -= 1
            self._send(each, now_s)

        for _ in range(min(left, len(self._idle))):
            under_way += 1
            again(self._idle.popleft(), time.perf_counter())
        while under_way:
            lost = self._turn(again, PATIENCE_S)
            under_way -= lost
        return tally.summary()

    def pace(self, rate: float, seconds: float) -> dict[str, Any]:
        """Call in an open loop: each call has its time, and waits for an idle connection alone."""
        self._look_after_idle()
        self._tally = tally = Tally()
        idle = self._idle
        began_s = time.perf_counter()
        calls, sent, under_way = int(rate * seconds), 0, 0

        def rest(each: Connection, _: float) -> None:
            nonlocal under_way
            under_way -= 1
            idle.append(each)

        while sent < calls or under_way:
            now_s = time.perf_counter()
            due = min(calls, int((now_s - began_s) * rate))
            while sent < due and idle:
                planned_s = began_s + sent / rate
                tally.late_us.append((now_s - planned_s) * 1e6)
                self._send(idle.popleft(), now_s)
                sent += 1
                under_way += 1
            lost = self._turn(rest, 0.001 if sent < calls else PATIENCE_S)
            under_way -= lost
            if now_s > began_s + seconds + PATIENCE_S:
                raise TimeoutError("the target does not keep up at all")
        return tally.summary()

    def short(self, seconds: float, at_once: int, resume: bool) -> dict[str, Any]:
        """New connections, one call on each. The latency includes the handshake."""
        self._tally = tally = Tally()
        until_s = time.perf_counter() + seconds
        slots: dict[int, Connection] = {}

        def begin(session: ssl.SSLSession | None) -> None:
            began_s = time.perf_counter()
            each = Connection(self._connect(session))
            each.began_s = began_s
            slots[each.socket.fileno()] = each
            self._epoll.register(each.socket.fileno(), _IN | _OUT)

        for _ in range(at_once):
            begin(None)
        while slots:
            for number, _ in self._events():
                each = slots[number]
                if not self._step_short(each):
                    continue
                session = each.socket.session if resume else None
                del slots[number]
                each.socket.close()
                if time.perf_counter() < until_s:
                    begin(session)
        return tally.summary()

    # --- connections ---------------------------------------------------------------------------

    def _connect(self, session: ssl.SSLSession | None) -> ssl.SSLSocket:
        plain = socket.create_connection(self._address)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wrapped = self._tls.wrap_socket(
            plain,
            server_hostname=self._name,
            do_handshake_on_connect=False,
            session=session,
        )
        wrapped.setblocking(False)
        return wrapped

    def _shake(self, each: ssl.SSLSocket) -> bool:
        try:
            each.do_handshake()
        except ssl.SSLWantReadError:
            self._epoll.modify(each.fileno(), _IN)
            return False
        except ssl.SSLWantWriteError:
            self._epoll.modify(each.fileno(), _OUT)
            return False
        return True

    def _keep(self, shaken: ssl.SSLSocket) -> None:
        self._epoll.modify(shaken.fileno(), _IN)
        each = Connection(shaken)
        self._all[shaken.fileno()] = each
        self._idle.append(each)

    def _look_after_idle(self) -> None:
        """What came between two commands. ConnectionError when a connection was lost."""
        self._tally = Tally()
        for number, _ in self._epoll.poll(0, 65_536):
            self._drop_idle(number)
        if self._tally.broken or not self._idle:
            raise ConnectionError("the target has closed connections that were idle")

    def _drop_idle(self, number: int) -> None:
        """Something came on an idle connection: a session ticket, or the end."""
        each = self._all[number]
        if self._receive(each) is None:
            self._idle.remove(each)

    def _lose(self, each: Connection) -> None:
        self._tally.broken += 1
        self._all.pop(each.socket.fileno(), None)
        self._epoll.unregister(each.socket.fileno())
        each.socket.close()

    def _step_short(self, each: Connection) -> bool:
        """Drive a short connection on; True when its answer is whole, or it is lost."""
        if each.unsent is None and each.status == 0 and each.head is None:
            if not self._shake(each.socket):
                return False
            self._tally.opened += 1
            self._tally.resumed += bool(each.socket.session_reused)
            self._epoll.modify(each.socket.fileno(), _IN)
            each.status = -1  # asked
            self._push(each, memoryview(next(self._requests)))
            return False
        came = self._receive(each)
        if came:
            self._tally.answered(each.status, time.perf_counter() - each.began_s)
        return came is not False

    # --- the loop ------------------------------------------------------------------------------

    def _events(self) -> list[tuple[int, int]]:
        events = self._epoll.poll(PATIENCE_S, 1_024)
        if not events:
            raise TimeoutError("nothing came for a long time")
        return events

    def _turn(self, answered: Callable[[Connection, float], None], patience_s: float) -> int:
        """Take what has come; returns how many connections were lost under a call."""
        lost = 0
        events = self._epoll.poll(patience_s, 1_024)
        if not events and patience_s == PATIENCE_S:
            raise TimeoutError("no answer for a long time")
        for number, what in events:
            each = self._all[number]
            if what & _OUT and each.unsent is not None:
                self._push(each, each.unsent)
                if not what & _IN:
                    continue
            idle = each.began_s == 0.0
            came = self._receive(each)
            if came:
                now_s = time.perf_counter()
                self._tally.answered(each.status, now_s - each.began_s)
                each.began_s = 0.0
                answered(each, now_s)
            elif came is None and idle:
                self._idle.remove(each)
            elif came is None:
                lost += 1
        return lost

    def _send(self, each: Connection, now_s: float) -> None:
        """Send the next request."""
        request = next(self._requests)
        each.began_s = now_s
        if len(request) > RECORD_BYTES:
            self._push(each, memoryview(request))
            return
        try:
            each.socket.send(request)
        except ssl.SSLWantWriteError:
            self._push(each, memoryview(request))
        except OSError:
            pass  # it is lost, which is seen when it is read

    def _push(self, each: Connection, rest: memoryview) -> None:
        """Write as much as the socket takes, and go on when it takes more."""
        waits = each.unsent is not None
        try:
            while rest:
                rest = rest[each.socket.send(rest) :]
        except ssl.SSLWantWriteError:
            pass
        except OSError:
            rest = rest[:0]
        each.unsent = rest if rest else None
        if (each.unsent is not None) != waits:
            wanted = _IN | _OUT if each.unsent is not None else _IN
            self._epoll.modify(each.socket.fileno(), wanted)

    def _receive(self, each: Connection) -> bool | None:
        """Read once. True: the answer is whole; False: not yet; None: the connection is lost."""
        try:
            count = each.socket.recv_into(self._buffer)
        except ssl.SSLWantReadError:
            return False
        except OSError:
            count = 0
        if count == 0:
            self._lose(each)
            return None
        self._tally.bytes_in += count
        if each.head is None and count == self._usual_bytes and self._buffer[:12] == _GOOD:
            each.status = 200
            return True
        return self._read_on(each, bytes(self._buffer[:count]))

    def _read_on(self, each: Connection, data: bytes) -> bool:
        """Parse the head when it is whole, and count the body down."""
        if each.head is None or each.left < 0:
            each.head = (each.head or b"") + data
            each.left = -1
            head, found, body = each.head.partition(b"\r\n\r\n")
            if not found:
                return False
            each.status = int(head[9:12])
            each.left = content_length(head) - len(body)
            if each.left == 0 and each.status == 200 and len(each.head) < RECORD_BYTES:
                self._usual_bytes = len(each.head)
        else:
            each.left -= len(data)
        if each.left:
            return False
        each.head = None
        return True


def content_length(head: bytes) -> int:
    """Return the length of the body. ValueError for a head that does not say it."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"an answer does not say how long it is: {head!r}")


def requests(plan: argparse.Namespace) -> Iterator[bytes]:
    """The requests to send: endless, or one for each token or proof of a file."""
    url = urlsplit(plan.url)
    paths = Path(plan.paths).read_text().split() if plan.paths else [url.path]
    body: bytes = b"x" * plan.body_bytes
    method = "POST" if body else "GET"

    def request(path: str, fields: Sequence[str]) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: {url.netloc}", *fields]
        if body:
            lines += ["content-type: application/json", f"content-length: {len(body)}"]
        text = "\r\n".join(lines) + "\r\n\r\n"
        return text.encode() + body

    if plan.proofs:
        with Path(plan.proofs).open() as file:
            for proof in file:
                yield request(paths[0], [*plan.header, f"dpop: {proof.strip()}"])
    elif plan.tokens:
        with Path(plan.tokens).open() as file:
            for token in file:
                yield request(paths[0], [f"authorization: Bearer {token.strip()}"])
    else:
        yield from itertools.cycle([request(path, plan.header) for path in paths])


def arguments() -> argparse.Namespace:
    """Read the arguments that stay for the life of the process."""
    parser = argparse.ArgumentParser(description="Call one address over TLS, as told on stdin")
    parser.add_argument("url")
    parser.add_argument("--address", default="127.0.0.1", help="IP address to connect to")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--tokens", help="a file; each call bears the token of the next line")
    parser.add_argument("--proofs", help="a file; each call bears the DPoP proof of the next line")
    parser.add_argument("--paths", help="a file; calls go to its lines in turn")
    parser.add_argument("--body-bytes", type=int, default=0, help="POST so many bytes")
    return parser.parse_args()


def main() -> None:
    """Do what each line says until there is none."""
    generator = Generator(arguments())
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(generator, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
