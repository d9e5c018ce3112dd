"""The TLS transport over real sockets: how connections end, and what hostile peers cost."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from waits import PATIENCE_S, rounds
from weir.wire.acceptor import TlsAcceptor
from weir.wire.connector import connect
from weir.wire.deadlines import Deadlines
from weir.wire.places import Places
from weir.wire.reactor import IN, Reactor, Watched
from weir.wire.transport import Stream

LONG = b"x" * 16_000_000


class Served(Stream):
    """Does with what it receives what a test says, and notes how the connection ended."""

    def __init__(self, received: Callable[[Served, bytes], None]) -> None:
        self.received = received
        self.transport: Any = None
        self.ended_in_order = False
        self.lost = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        self.received(self, data)

    def eof_received(self) -> None:
        self.ended_in_order = True

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Lab:
    """An acceptor on a free port, and the streams of what it accepted."""

    def __init__(self, certificate: Path) -> None:
        self.context = ssl.create_default_context(cafile=str(certificate))
        self.served: list[Served] = []
        self.received: Callable[[Served, bytes], None] = lambda _, __: None
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop, 0.05)
        self.deadlines.start()
        self.reactor = Reactor(loop)
        self.server_context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        self.proxied = False
        self.places = Places(100, 100)
        self.acceptor = TlsAcceptor(
            self.reactor,
            self.deadlines,
            listening,
            context,
            self._stream,
            lambda _: self.proxied,
            self.places,
        )

    def _stream(self) -> Served:
        self.served.append(Served(lambda stream, data: self.received(stream, data)))
        return self.served[-1]

    async def caller(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.context, server_hostname="localhost"
        )

    def close(self) -> None:
        for each in self.served:
            if each.transport is not None:
                each.transport.abort()
        self.acceptor.close()
        self.deadlines.stop()


@pytest.fixture
async def lab(certificate: Path) -> AsyncIterator[Lab]:
    made = Lab(certificate)
    yield made
    made.close()


async def test_an_answer_arrives_though_a_body_was_not_read(lab: Lab) -> None:
    """What was received and not decrypted must not turn the end into a reset."""

    def refuse(stream: Served, _: bytes) -> None:
        stream.transport.pause_reading()
        stream.transport.write(b"413")
        stream.transport.close()

    lab.received = refuse
    reader, writer = await lab.caller()
    writer.write(b"b" * 200_000)
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read() == b"413"
    writer.close()


async def test_an_answer_is_read_though_the_server_takes_no_more(
    lab: Lab, certificate: Path
) -> None:
    """A server that refuses an upload resets the connection while more of it is written."""
    listening = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def refuse() -> None:
        with context.wrap_socket(listening.accept()[0], server_side=True) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.recv(10)
            peer.sendall(b"413")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    server = threading.Thread(target=refuse)
    server.start()
    heard: list[bytes] = []
    stream = Served(lambda _, data: heard.append(data))
    await connect(
        lab.reactor,
        lab.deadlines,
        "127.0.0.1",
        listening.getsockname()[1],
        stream,
        lab.context,
        "localhost",
    )
    stream.transport.write(b"0123456789")
    server.join()  # the answer and the reset are here, and the loop has not looked
    stream.transport.write(bytes(100_000))
    stream.transport.write(bytes(100_000))
    async with asyncio.timeout(PATIENCE_S):
        await stream.lost.wait()
    assert heard == [b"413"]
    listening.close()


async def test_a_slow_reader_gets_the_whole_of_the_last_answer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.wire.transport.SHUTDOWN_TIMEOUT_S", 0.1)

    def answer(stream: Served, _: bytes) -> None:
        stream.transport.write(LONG)
        stream.transport.close()

    lab.received = answer
    reader, writer = await lab.caller()
    writer.write(b"?")
    await asyncio.sleep(0.5)
    async with asyncio.timeout(PATIENCE_S):
        assert len(await reader.read()) == len(LONG)
    writer.close()


async def test_a_handshake_that_never_comes_is_not_waited_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.wire.transport.HANDSHAKE_TIMEOUT_S", 0.1)  # where it is interpreted
    silent = [await asyncio.open_connection("127.0.0.1", lab.port) for _ in range(50)]
    async with asyncio.timeout(PATIENCE_S):
        for reader, _ in silent:
            assert await reader.read() == b""
    assert lab.places.taken == 0
    assert lab.served[0].transport is None
    for _, writer in silent:
        writer.close()


async def test_a_mistake_in_one_stream_costs_that_connection_alone(lab: Lab) -> None:
    def stumble(stream: Served, data: bytes) -> None:
        if data == b"bad":
            raise AttributeError("a mistake")
        stream.transport.write(data)

    lab.received = stumble
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    well, bad = await lab.caller(), await lab.caller()
    bad[1].write(b"bad")
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionError):
            assert await bad[0].read() == b""
        well[1].write(b"good")
        assert await well[0].readexactly(4) == b"good"
    assert [str(each["exception"]) for each in told] == ["a mistake"]
    well[1].close()


async def test_a_connection_lost_as_the_handshake_ends_is_told_to_who_waits(
    lab: Lab, certificate: Path
) -> None:
    """A stream hears of the loss of a connection only if it heard of the connection."""
    reactor = lab.reactor
    stream = Served(lambda _, __: None)

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    raw_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    raw_context.load_cert_chain(certificate)
    asked = asyncio.ensure_future(
        connect(
            reactor,
            lab.deadlines,
            "127.0.0.1",
            listening.getsockname()[1],
            stream,
            lab.context,
            "localhost",
        )
    )
    loop = asyncio.get_running_loop()
    peer, _ = await loop.sock_accept(listening)
    from_caller, to_caller = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = raw_context.wrap_bio(from_caller, to_caller, server_side=True)
    from_caller.write(await loop.sock_recv(peer, 65_536))
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    # The whole flight of the server and a reset arrive together.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.send(to_caller.read())
    peer.close()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(OSError):  # noqa: PT011 - whichever comes first
            await asked
    await asyncio.sleep(0)
    assert stream.lost.is_set() == (stream.transport is not None)
    listening.close()


@pytest.mark.parametrize(("command", "bound"), [(b"K", "rekeying_bytes"), (b"k", "barren_bytes")])
async def test_a_peer_that_changes_keys_without_end_is_cut(
    lab: Lab, certificate: Path, command: bytes, bound: str
) -> None:
    """RFC 8446 section 4.6.3. Where an answer is asked for, the peer need not read it; where none
    is, taking the new keys costs more than sending them."""
    setattr(lab.acceptor, bound, 64)
    caller = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{lab.port}", "-CAfile", str(certificate)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert caller.stdin is not None
    async with asyncio.timeout(PATIENCE_S):
        while not (lab.served and lab.served[0].lost.is_set()):
            with suppress(ConnectionError):
                caller.stdin.write(command + b"\n")
                await caller.stdin.drain()
            await asyncio.sleep(0.05)
        await caller.wait()


async def test_news_of_a_closed_socket_is_not_told_to_the_next_of_its_number() -> None:
    reactor = Reactor(asyncio.get_running_loop())
    told: list[Closing] = []
    pairs = [socket.socketpair() for _ in range(2)]
    for near, far in pairs:
        near.setblocking(False)
        far.send(b"x")  # both are ready in the same step
    watched = [Closing(reactor, near, told) for near, _ in pairs]
    watched[0].closes, watched[1].closes = watched[1], watched[0]
    async with asyncio.timeout(PATIENCE_S):
        while not told:
            await asyncio.sleep(0)
    (first,) = told  # the other was closed by it, and another has its descriptor
    assert first.made is not None
    assert first.made.number == first.closed_number
    await rounds()
    assert told == [first]  # its own socket has nothing to read
    first.made.far.send(b"x")
    async with asyncio.timeout(PATIENCE_S):
        while len(told) == 1:
            await asyncio.sleep(0)
    assert told[1] is first.made
    for each in (first, first.made):
        each.close()
    for _, far in pairs:
        far.close()


class Closing(Watched):
    """When it is told anything, it closes another's socket and opens one with the same number."""

    def __init__(self, reactor: Reactor, near: socket.socket, told: list[Closing]) -> None:
        self.reactor, self.near, self.told = reactor, near, told
        self.number = near.fileno()
        self.closes: Closing | None = None
        self.made: Closing | None = None
        self.closed_number = -1
        self.far: socket.socket
        reactor.watch(self.number, self, IN)

    def ready(self, events: int) -> None:
        self.told.append(self)
        self.near.recv(1)
        if self.closes is not None:
            self.closed_number = self.closes.number
            self.closes.close()
            ours, far = socket.socketpair()
            if ours.fileno() != self.closed_number:  # the lowest free number is given first
                ours, far = far, ours
            ours.setblocking(False)
            self.made = Closing(self.reactor, ours, self.told)
            self.made.far = far

    def close(self) -> None:
        self.reactor.forget(self.number)
        self.near.close()


@pytest.mark.parametrize(
    ("version", "alert"),
    [
        (ssl.TLSVersion.TLSv1_2, "ALERT_HANDSHAKE_FAILURE"),
        (ssl.TLSVersion.TLSv1_3, "ALERT_CERTIFICATE_REQUIRED"),
    ],
)
async def test_a_caller_without_a_certificate_reads_why_whatever_it_went_on_to_send(
    lab: Lab, certificate: Path, version: ssl.TLSVersion, alert: str
) -> None:
    """Bytes that were on their way when the handshake was refused must not reset the connection:
    the kernel would throw the alert away with them."""
    lab.server_context.verify_mode = ssl.CERT_REQUIRED
    lab.server_context.load_verify_locations(certificate)
    context = ssl.create_default_context(cafile=str(certificate))
    context.maximum_version = version
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
    from_server, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(from_server, to_server, server_hostname="localhost")
    flights, told = 0, ""
    async with asyncio.timeout(PATIENCE_S):
        while not told:
            try:
                tls.do_handshake()  # TLS 1.3: done, as far as the caller knows
                tls.read(1)
            except ssl.SSLWantReadError:
                flight = to_server.read()
                flights += bool(flight)
                if flight:  # the second is the one that lacks the certificate: more follows it
                    writer.write(flight + bytes(200_000 if flights > 1 else 0))
                from_server.write(await reader.read(65_536))
            except ssl.SSLError as error:
                told = str(error)
            else:
                raise AssertionError("the caller was let in")
        writer.write(bytes(200_000))
        assert await reader.read() == b"", "the end comes in order, and not as a reset"
        writer.close()
        while lab.places.taken:
            await asyncio.sleep(0.01)
    assert alert in told
    assert lab.served[0].transport is None
    assert not lab.served[0].lost.is_set()
