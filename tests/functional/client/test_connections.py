"""The client's connections over real sockets: names, trust, keep-alive, and broken answers."""

from __future__ import annotations

import asyncio

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tls_listener import Listener

from waits import rounds
from weir.client.credentials import Credentials
from weir.client.errors import ProtocolError, UnreachableError, WeirError
from weir.client.exchange import Exchange
from weir.kernel.declares import BODY_BYTES
from weir.keys.authority import Authority

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


async def test_a_name_under_localhost_is_this_machine_and_its_certificate_is_checked(
    listener: Listener,
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()

    async with listener.serve(talk) as port, Exchange(listener.ca_file) as exchange:
        assert (await exchange.send("GET", f"https://api.localhost:{port}/")).content == b"hi"
        with pytest.raises(UnreachableError, match=r"other\.localhost"):
            await exchange.send("GET", f"https://other.localhost:{port}/")


async def test_a_server_of_another_authority_is_not_believed(listener: Listener) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    stranger = listener.folder / "stranger"
    Credentials.generate(stranger)
    other = x509.load_pem_x509_certificate((listener.folder / "server.pem").read_bytes())
    (stranger / "root.pem").write_bytes(other.public_bytes(Encoding.PEM))
    async with listener.serve(talk) as port, Exchange(stranger / "root.pem") as exchange:
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            await exchange.send("GET", f"https://api.localhost:{port}/")


async def test_connections_are_kept_and_a_closed_one_is_replaced(listener: Listener) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
        await writer.drain()
        writer.close()

    async with listener.serve(talk) as port, Exchange(listener.ca_file) as exchange:
        for _ in range(9):
            answer = await exchange.send("GET", f"https://api.localhost:{port}/")
            assert answer.content == b"hi"
            await rounds()  # the end of the connection is heard
    assert connections == 3


async def test_bytes_nobody_asked_for_end_a_kept_connection(listener: Listener) -> None:
    """A second answer behind the first must never be taken for the answer to the next call."""
    connections, answered = 0, asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await answered.wait()
        answered.clear()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await writer.drain()
        await reader.read(1)
        writer.close()

    async with listener.serve(talk) as port, Exchange(listener.ca_file) as exchange:
        for _ in range(2):
            answer = await exchange.send("GET", f"https://api.localhost:{port}/")
            assert answer.content == b"hi"
            answered.set()
            await rounds()  # what nobody asked for has come
    assert connections == 2


@pytest.mark.parametrize(
    "said",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"],
)
async def test_a_broken_answer_is_no_answer(listener: Listener, said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()

    async with listener.serve(talk) as port, Exchange(listener.ca_file) as exchange:
        with pytest.raises(UnreachableError):
            await exchange.send("GET", f"https://api.localhost:{port}/")


async def test_an_endless_answer_is_cut_off(listener: Listener) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        part = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        try:
            while True:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)  # `drain` does not yield once the caller has gone
        except OSError:
            writer.close()

    async with listener.serve(talk) as port, Exchange(listener.ca_file) as exchange:
        with pytest.raises(ProtocolError, match="longer than any answer"):
            await exchange.send("GET", f"https://api.localhost:{port}/")


async def test_a_long_answer_arrives_whole(listener: Listener) -> None:
    body = bytes(range(256)) * (BODY_BYTES // 256)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with listener.serve(talk) as port, Exchange(listener.ca_file) as exchange:
        answer = await exchange.send("GET", f"https://api.localhost:{port}/")
        assert answer.content == body


async def test_the_certificate_is_shown_where_it_is_asked_for(
    listener: Listener, authority: Authority
) -> None:
    shown: list[dict[str, object]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown.append(writer.get_extra_info("peercert"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        writer.close()

    mine = Credentials.generate(listener.folder / "mine")
    issued = authority.issue_client(mine.certificate_request("x"), "app_1", "org_1")
    mine = mine.with_certificate(issued.pem, "app_1")
    files = (listener.ca_file, mine.certificate_file, mine.key_file)
    async with listener.serve(talk, mutual=True) as port:
        async with Exchange(*files) as exchange:
            assert (await exchange.send("GET", f"https://api.localhost:{port}/")).status == 200
        async with Exchange(listener.ca_file) as exchange:
            with pytest.raises(UnreachableError):
                await exchange.send("GET", f"https://api.localhost:{port}/")
    assert len(shown) == 1
    assert mine.thumbprint() == issued.sha256


async def test_nothing_but_https_is_called(listener: Listener) -> None:
    async with Exchange(listener.ca_file) as exchange:
        with pytest.raises(UnreachableError, match="only https"):
            await exchange.send("GET", "http://api.localhost:1/")


async def test_a_missing_root_is_named(listener: Listener) -> None:
    with pytest.raises(WeirError, match=r"nothing\.pem"):
        Exchange(listener.folder / "nothing.pem")
