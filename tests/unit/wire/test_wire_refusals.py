"""What is refused on the wire, byte by byte, and that the connection is closed after it."""

from __future__ import annotations

import pytest
from wire_support import Taking, Wire, get, ok, post

SMUGGLING = {
    "length and chunks": post("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunks and length": post("Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n"),
    "two equal lengths": post("Content-Length: 1", "Content-Length: 1", body=b"a"),
    "two lengths": post("Content-Length: 1", "Content-Length: 2", body=b"aa"),
    "a list of lengths": post("Content-Length: 1, 1", body=b"a"),
    "a signed length": post("Content-Length: +1", body=b"a"),
    "a hexadecimal length": post("Content-Length: 0x1", body=b"a"),
    "an empty length": post("Content-Length: "),
    "a huge length": post("Content-Length: 99999999999999999999999"),
    "another coding": post("Transfer-Encoding: gzip"),
    "a coding before chunks": post("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunks twice": post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "two codings": post(
        "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "a coding like chunked": post("Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "identity": post("Transfer-Encoding: identity"),
    "a tab in the coding": post("Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"),
    "a folded line": get("/", "X: a", " b"),
    "a line end without CR": b"GET / HTTP/1.1\nHost: a\n\n",
    "a field end without CR": b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "a head's end without CR": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "a lone CR": get("/", "X: a\rb"),
    "a null": get("/", "X: a\0b"),
    "a control": get("/", "X: a\x01b"),
    "space before the colon": get("/", "X : a"),
    "a bad name": get("/", "X(: a"),
    "an empty name": get("/", ": a"),
    "space before the first field": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": get("/", "Host: b"),
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "a target for another host": b"GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a plain http target": b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an authority target": b"GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a connection to elsewhere": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an asterisk for GET": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": get("/a#b"),
    "half a percent sign": get("/a%4"),
    "a percent sign of no number": get("/a%zz"),
    "a quote in the target": get('/a"b'),
    "a backslash in the target": get("/a\\b"),
    "bytes above 127 in the target": get("/\xe4"),
    "a space in the target": get("/a b"),
    "a tab after the method": b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "two credentials": get("/", "Authorization: Bearer a", "Authorization: Bearer b"),
    "two content types": post("Content-Type: a/b", "Content-Type: c/d"),
    "two idempotency keys": post("X-Idempotency-Key: 1", "X-Idempotency-Key: 2"),
    "another expectation": post("Expect: 200-ok", "Content-Length: 1"),
    "an upgrade": get("/", "Connection: upgrade", "Upgrade: h2c"),
    "an end-to-end field named as an option": get("/", "Connection: close, authorization"),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS on the plain side": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize("name", SMUGGLING)
def test_what_two_servers_could_read_differently_is_refused(name: str, piece: int | None) -> None:
    wire = Wire(ok)
    wire.feed(SMUGGLING[name] + get("/smuggled"), piece)
    assert wire.handler.refused == ["malformed_http"]
    assert wire.handler.begun == []
    assert wire.transport.written.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close\r\n" in wire.transport.written
    assert wire.transport.closed


BROKEN_CHUNKS = {
    "a size without CR": b"3\nabc\r\n0\r\n\r\n",
    "more than the size": b"3\r\nabcd\r\n0\r\n\r\n",
    "a size of no number": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a space after the size": b"3 \r\nabc\r\n0\r\n\r\n",
    "a huge size": b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "an extension with a line end": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "an end without CR": b"3\r\nabc\n0\r\n\r\n",
}


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_chunks_that_break_the_rules_are_refused(name: str, piece: int | None) -> None:
    wire = Wire()
    head = post("Transfer-Encoding: chunked")
    wire.feed(head)
    (exchange,) = wire.handler.begun
    taking = Taking()
    exchange.receive(taking, 1000)
    wire.feed(BROKEN_CHUNKS[name], piece)
    assert taking.events[-1] == "malformed_http"
    exchange.answer(400, b"", b"")
    assert wire.transport.closed


OTHER_REFUSALS = {
    "http_version_unsupported": b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "uri_too_long": get("/" + "a" * 8_192),
    "headers_too_large": get("/", *(f"X-{number}: 1" for number in range(101))),
    "method_not_allowed": b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("code", OTHER_REFUSALS)
def test_other_requests_are_refused_with_their_own_code(code: str) -> None:
    wire = Wire(ok)
    wire.feed(OTHER_REFUSALS[code])
    assert wire.handler.refused == [code]
    assert wire.transport.closed


def test_http_0_9_is_not_spoken() -> None:
    wire = Wire(ok)
    wire.feed(b"GET /\r\n\r\n")
    assert wire.handler.refused == ["http_version_unsupported"]


def test_fields_that_are_too_large_together_are_refused() -> None:
    wire = Wire(ok)
    wire.feed(get("/", *(f"X-{number}: {'y' * 700}" for number in range(50))))
    assert wire.handler.refused == ["headers_too_large"]


def test_a_head_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    wire = Wire(ok)
    wire.feed(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    for _ in range(100):
        if wire.transport.closed:
            break
        wire.feed(b"y" * 1_000)
    assert wire.handler.refused == ["headers_too_large"]


def test_a_target_in_absolute_form_for_our_own_host_is_taken() -> None:
    wire = Wire(ok)
    wire.feed(b"GET https://a/x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert wire.handler.begun[0].request.target == b"/x?y=1"


def test_what_was_whole_before_the_nonsense_is_still_answered() -> None:
    wire = Wire(ok)
    wire.feed(get("/first") + b"SPAM\r\n\r\n")
    assert [exchange.request.target for exchange in wire.handler.begun] == [b"/first"]
    assert wire.handler.refused == ["malformed_http"]
    assert wire.transport.written.count(b"HTTP/1.1 ") == 2
    assert wire.transport.closed
