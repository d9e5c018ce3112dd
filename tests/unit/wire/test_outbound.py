"""What control and workers ask: at which addresses, and how much of an answer is taken."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpcore
import pytest

from waits import PATIENCE_S
from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.wire.networks import networks
from weir.wire.outbound import (
    AnswerTooLongError,
    Outbound,
    OutboundError,
    OutboundTimeoutError,
    PublicAlone,
    _host,
)
from weir.wire.resolver import Reachable

REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:0a00:0001::1",
    "64:ff9b::10.0.0.1",
    "2001::1",
    "240.0.0.1",
    "172.31.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "fc00::1",
    "fe80::1%eth0",
    "2001:db8::1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "3fff::1",
    "5f00::1",
    "fec0::1",
    "100::1",
    "::10.0.0.1",
    "4000::1",
    "member.example",
]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_within_a_network_of_ones_own_are_not_called(address: str) -> None:
    assert not PublicAlone().allows(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_called(address: str) -> None:
    assert PublicAlone().allows(address)


def test_a_network_the_operator_named_is_called_and_no_other() -> None:
    judge = PublicAlone(networks("10.2.0.0/16, fd00::/8", "WEIR_PARTNER_NETWORKS"))
    assert judge.allows("10.2.3.4")
    assert judge.allows("::ffff:10.2.3.4")
    assert judge.allows("fd00:1::7")
    assert not judge.allows("10.3.0.1")
    assert not judge.allows("fd00:ec2::254")  # a cloud's metadata, whatever the operator named
    assert judge(["10.2.3.4", "93.184.216.34"]) == ["10.2.3.4", "93.184.216.34"]
    assert judge(["10.2.3.4", "10.3.0.1"]) == []
    assert networks(None, "WEIR_PARTNER_NETWORKS") == ()


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        networks("intranet", "WEIR_PARTNER_NETWORKS")
    assert refused.value.outcome is SETTING_INVALID


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://shop.example/ciba", ["93.184.216.34"]),
        ("https://shop.example/ciba", ["127.0.0.1"]),
        ("https://shop.example/ciba", ["93.184.216.34", "10.0.0.1"]),
        ("https://shop.example/ciba", []),
        ("https://169.254.169.254/latest", ["169.254.169.254"]),
    ],
)
async def test_no_connection_is_made_where_none_may_be(url: str, addresses: Sequence[str]) -> None:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return addresses

    outbound = Outbound(ssl.create_default_context(), PublicAlone(), timeout_s=1, resolver=resolver)
    with pytest.raises(OutboundError) as refused:
        await outbound.post_json(url, {}, {})
    assert "no answer" not in str(refused.value)


async def test_a_name_that_cannot_be_looked_up_is_no_answer() -> None:
    """One bad address among many must not end the delivery of the others."""
    outbound = Outbound(ssl.create_default_context(), PublicAlone(), timeout_s=1)
    with pytest.raises(OutboundError):
        await outbound.post_json(f"https://{'a' * 64}.example/", {}, {})


# --- answers ------------------------------------------------------------------------------------


class Server:
    """Answers every request with the same bytes, over TLS, and keeps the heads it was sent."""

    def __init__(self, answer: bytes, certificate: Path, again: bytes = b"") -> None:
        self.heads: list[bytes] = []
        self.written = 0
        self.port = 0
        self._answer, self._again = answer, again
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            out.write(self._answer)
            await out.drain()
            while self._again and self.written < HUNDRED_TIMES:
                out.write(self._again)
                await out.drain()
                self.written += len(self._again)
        out.close()


MOST = 16_384
HUNDRED_TIMES = 100 * MOST + (32 << 20)  # and what lies in buffers on its way
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def asking(certificate: Path, **more: Any) -> Outbound:
    context = ssl.create_default_context(cafile=str(certificate))
    return Outbound(context, Reachable().choice, timeout_s=PATIENCE_S, **more)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"2000\r\n" + bytes(8_192) + b"\r\n"),
        (HEAD + b"\r\n", bytes(65_536)),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1;", b"y" * 65_536),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: ", b"y" * 65_536),
        (HEAD + b"x: ", b"y" * 65_536),
    ],
    ids=["chunks", "until closed", "extension", "trailer", "head"],
)
async def test_an_answer_without_end_is_given_up(
    certificate: Path, head: bytes, piece: bytes
) -> None:
    async with Server(head, certificate, piece).running() as server:
        with pytest.raises(OutboundError):
            await asking(certificate).get(f"https://localhost:{server.port}/", {}, MOST)
    assert server.written < HUNDRED_TIMES


async def test_an_answer_is_bounded_in_bytes_however_it_is_packed(certificate: Path) -> None:
    """A gigabyte in a megabyte: it is not asked for, and taken as it was sent."""
    packed = gzip.compress(bytes(8 << 20))
    answer = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b"
    async with Server(answer % (len(packed), packed), certificate).running() as server:
        outbound = asking(certificate)
        url = f"https://localhost:{server.port}/things?a=b"
        tracemalloc.start()
        answered = await outbound.get(url, {"accept": "application/json"}, MOST)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answered.body == packed
        assert peak < 2 << 20
        with pytest.raises(AnswerTooLongError):
            await outbound.get(url, {}, len(packed) - 1)
        assert (await outbound.get(url, {}, 0)).body == b""
    head = server.heads[0].lower()
    assert head.startswith(b"get /things?a=b http/1.1\r\n")
    assert b"accept-encoding: identity\r\n" in head
    assert b"host: localhost:%d\r\n" % server.port in head


async def test_an_answer_that_does_not_come_in_time_is_none(certificate: Path) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    outbound = Outbound(context, Reachable().choice, timeout_s=0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OutboundTimeoutError):
        await outbound.get(f"https://localhost:{silent.getsockname()[1]}/", {}, MOST)


async def test_a_name_is_what_the_certificate_must_bear(certificate: Path) -> None:
    """The connection goes to an address, and an address is no name."""
    async with Server(HEAD + b"content-length: 0\r\n\r\n", certificate).running() as server:
        with pytest.raises(OutboundError):
            await asking(certificate).get(f"https://127.0.0.1:{server.port}/", {}, MOST)
        answered = await asking(certificate).get(f"https://localhost:{server.port}/", {}, MOST)
    assert (answered.status, answered.media_type) == (200, "application/json")
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://bank.example/a", "bank.example"),
        ("https://bank.example:443/a", "bank.example"),
        ("https://bank.example:8443/a", "bank.example:8443"),
        ("https://[2001:db8::1]/a", "[2001:db8::1]"),
        ("https://[2001:db8::1]:8443/a", "[2001:db8::1]:8443"),
    ],
)
def test_the_host_asked_for_is_named_as_it_is_written(url: str, host: str) -> None:
    assert _host(httpcore.URL(url)) == host
