"""HTTP, strictly (RFC 9110, 9112): what is refused, every point by its name.

Each request is sent with a good token and certificate, so that only its form decides. It must
leave no byte with the member, end the connection, and let nothing behind it through.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_support import PREFIX, House
from http_support import (
    CHUNKED,
    CHUNKS,
    SMUGGLED,
    answers,
    get,
    post,
    raw,
    received,
    sent,
)

from weir.kernel.declares import BODY_BYTES


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return House(tmp_path)


BIG = "9" * 30

REFUSED: dict[str, tuple[bytes, str]] = {
    # Content-Length
    "conflicting content-lengths": (
        post("Content-Length: 5", "Content-Length: 6", body=b"hello"),
        "malformed_http",
    ),
    "repeated equal content-lengths": (
        post("Content-Length: 5", "Content-Length: 5", body=b"hello"),
        "malformed_http",
    ),
    "a list of content-lengths": (post("Content-Length: 5, 5", body=b"hello"), "malformed_http"),
    "a content-length with a plus": (post("Content-Length: +5", body=b"hello"), "malformed_http"),
    "a content-length with a minus": (post("Content-Length: -5", body=b"hello"), "malformed_http"),
    "a spaced content-length": (post("Content-Length: 5 0", body=b"hello"), "malformed_http"),
    "a hexadecimal content-length": (post("Content-Length: 0x5", body=b"hello"), "malformed_http"),
    "a decimal point in content-length": (
        post("Content-Length: 5.0", body=b"hello"),
        "malformed_http",
    ),
    "an underscore in content-length": (
        post("Content-Length: 1_0", body=b"hello"),
        "malformed_http",
    ),
    "an empty content-length": (post("Content-Length:"), "malformed_http"),
    "an overflowing content-length": (post(f"Content-Length: {BIG}"), "malformed_http"),
    "a content-length over 64 bits": (
        post("Content-Length: 18446744073709551621", body=b"hello"),
        "malformed_http",
    ),
    "a content-length over the bound": (
        post(f"Content-Length: {BODY_BYTES + 1}"),
        "body_too_large",
    ),
    # Transfer-Encoding
    "content-length with transfer-encoding": (
        post("Content-Length: 5", CHUNKS, body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "transfer-encoding with content-length": (
        post(CHUNKS, "Content-Length: 5", body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "transfer-encoding identity": (post("Transfer-Encoding: identity"), "malformed_http"),
    "transfer-encoding gzip": (post("Transfer-Encoding: gzip"), "malformed_http"),
    "gzip before chunked": (
        post("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "chunked not last": (
        post("Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "chunked twice": (
        post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "two transfer-encodings": (post(CHUNKS, CHUNKS, body=b"0\r\n\r\n"), "malformed_http"),
    "chunked with a parameter": (
        post("Transfer-Encoding: chunked;q=1", body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "chunked in quotes": (
        post('Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "chunked behind a vertical tab": (
        post("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "an empty transfer-encoding": (post("Transfer-Encoding:"), "malformed_http"),
    # Lines and fields
    "obs-fold": (get("/rates", "X-Own: a", " b"), "malformed_http"),
    "obs-fold by a tab": (get("/rates", "X-Own: a", "\tb"), "malformed_http"),
    "obs-fold of transfer-encoding": (
        post("Transfer-Encoding:", " chunked", body=b"0\r\n\r\n"),
        "malformed_http",
    ),
    "space before the first field": (
        raw(f"GET {PREFIX}/rates HTTP/1.1", host=" Host: api.localhost"),
        "malformed_http",
    ),
    "a bare LF after the request line": (
        f"GET {PREFIX}/rates HTTP/1.1\nHost: api.localhost\r\n\r\n".encode(),
        "malformed_http",
    ),
    "a bare LF after a field": (get("/rates", "X-Own: a\nX-Other: b"), "malformed_http"),
    "a bare LF at the head's end": (get()[:-2] + b"\n", "malformed_http"),
    "a bare CR in a value": (get("/rates", "X-Own: a\rX-Other: b"), "malformed_http"),
    "a bare CR in the request line": (raw(f"GET {PREFIX}/rates\r HTTP/1.1"), "malformed_http"),
    "two CRs before the LF": (get("/rates", "X-Own: a\r"), "malformed_http"),
    "NUL in a value": (get("/rates", "X-Own: a\0b"), "malformed_http"),
    "NUL in a name": (get("/rates", "X\0Own: a"), "malformed_http"),
    "NUL in the target": (raw(f"GET {PREFIX}/ra\0tes HTTP/1.1"), "malformed_http"),
    "a control in a value": (get("/rates", "X-Own: a\x1bb"), "malformed_http"),
    "DEL in a value": (get("/rates", "X-Own: a\x7fb"), "malformed_http"),
    "space before the colon": (get("/rates", "X-Own : a"), "malformed_http"),
    "a tab before the colon": (get("/rates", "X-Own\t: a"), "malformed_http"),
    "space before the colon of content-length": (
        post("Content-Length : 5", body=b"hello"),
        "malformed_http",
    ),
    "a field without a colon": (get("/rates", "X-Own"), "malformed_http"),
    "a field without a name": (get("/rates", ": a"), "malformed_http"),
    "a bracket in a name": (get("/rates", "X(Own): a"), "malformed_http"),
    "a name beyond ASCII": (get("/rates", "X-\xd6wn: a"), "malformed_http"),
    # Bounds
    "too many fields": (get("/rates", *(f"X-{at}: 1" for at in range(100))), "headers_too_large"),
    "one value too long": (get("/rates", "X-Own: " + "a" * 33_000), "headers_too_large"),
    "one name too long": (get("/rates", "X" * 33_000 + ": a"), "headers_too_large"),
    "a section too large": (
        get("/rates", *(f"X-{at}: {'a' * 700}" for at in range(60))),
        "headers_too_large",
    ),
    "a target too long": (get("/" + "a" * 8_192), "uri_too_long"),
    "a query too long": (get("/rates?" + "a" * 8_192), "uri_too_long"),
    # Forms of the target
    "absolute-form for another host": (
        raw(f"GET https://evil.example{PREFIX}/rates HTTP/1.1"),
        "malformed_http",
    ),
    "absolute-form with another port than Host": (
        raw(f"GET https://api.localhost:1{PREFIX}/rates HTTP/1.1"),
        "malformed_http",
    ),
    "absolute-form with a user": (
        raw(f"GET https://u@api.localhost{PREFIX}/rates HTTP/1.1"),
        "malformed_http",
    ),
    "absolute-form without encryption": (
        raw(f"GET http://api.localhost{PREFIX}/rates HTTP/1.1"),
        "malformed_http",
    ),
    "absolute-form of another scheme": (raw("GET file:///etc/passwd HTTP/1.1"), "malformed_http"),
    "absolute-form without a path": (raw("GET https://api.localhost HTTP/1.1"), "malformed_http"),
    "authority-form": (raw("GET api.localhost:443 HTTP/1.1"), "malformed_http"),
    "asterisk-form": (raw("GET * HTTP/1.1"), "malformed_http"),
    "a path without a slash": (raw("GET rates HTTP/1.1"), "malformed_http"),
    "a fragment": (get("/rates#part"), "malformed_http"),
    "an empty fragment": (get("/rates#"), "malformed_http"),
    "a space in the target": (get("/ra tes"), "malformed_http"),
    "two spaces before the target": (raw(f"GET  {PREFIX}/rates HTTP/1.1"), "malformed_http"),
    "two spaces before the version": (raw(f"GET {PREFIX}/rates  HTTP/1.1"), "malformed_http"),
    "a tab before the version": (raw(f"GET {PREFIX}/rates\tHTTP/1.1"), "malformed_http"),
    "a backslash": (get("/rates\\..\\accounts"), "malformed_http"),
    "bytes above 127 in the target": (get("/r\xe4tes"), "malformed_http"),
    "half a percent sign": (get("/rates%4"), "malformed_http"),
    "a percent sign of no number": (get("/rates%zz"), "malformed_http"),
    # Host
    "no Host": (raw(f"GET {PREFIX}/rates HTTP/1.1", host=None), "malformed_http"),
    "an empty Host": (raw(f"GET {PREFIX}/rates HTTP/1.1", host="Host:"), "malformed_http"),
    "duplicate Host": (get("/rates", "Host: api.localhost"), "malformed_http"),
    "two different Hosts": (get("/rates", "Host: evil.example"), "malformed_http"),
    "a list of Hosts": (get("/rates", host="Host: api.localhost, evil"), "malformed_http"),
    "a Host with a path": (get("/rates", host="Host: api.localhost/x"), "malformed_http"),
    "a Host with a user": (get("/rates", host="Host: u@api.localhost"), "malformed_http"),
    "a Host of somebody else": (get("/rates", host="Host: evil.example"), "unknown_host"),
    "a Host with a dot at its end": (get("/rates", host="Host: api.localhost."), "unknown_host"),
    # Methods and protocols
    "an Upgrade": (get("/rates", "Connection: upgrade", "Upgrade: websocket"), "malformed_http"),
    "an Upgrade to HTTP/2": (
        get("/rates", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x"),
        "malformed_http",
    ),
    "an Upgrade that no Connection names": (get("/rates", "Upgrade: h2c"), "malformed_http"),
    "CONNECT": (raw("CONNECT api.localhost:443 HTTP/1.1"), "malformed_http"),
    "CONNECT with a path": (raw(f"CONNECT {PREFIX}/rates HTTP/1.1"), "malformed_http"),
    "TRACE": (raw(f"TRACE {PREFIX}/rates HTTP/1.1"), "method_not_allowed"),
    "a method of ours in small letters": (raw(f"get {PREFIX}/rates HTTP/1.1"), "malformed_http"),
    "a method nobody knows": (raw(f"STEAL {PREFIX}/rates HTTP/1.1"), "malformed_http"),
    "HTTP/1.0": (raw(f"GET {PREFIX}/rates HTTP/1.0"), "http_version_unsupported"),
    "HTTP/0.9": (f"GET {PREFIX}/rates\r\n\r\n".encode(), "http_version_unsupported"),
    "HTTP/1.2": (raw(f"GET {PREFIX}/rates HTTP/1.2"), "malformed_http"),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "malformed_http"),
    "a version in small letters": (raw(f"GET {PREFIX}/rates http/1.1"), "malformed_http"),
    "another protocol": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "malformed_http"),
    "another expectation": (
        post("Expect: 200-maybe", "Content-Length: 5", body=b"hello"),
        "malformed_http",
    ),
    "two expectations": (
        post("Expect: 100-continue", "Expect: 100-continue", "Content-Length: 0"),
        "malformed_http",
    ),
    "a field of ours named as hop-by-hop": (
        get("/rates", "Connection: close, openfinance-identity"),
        "malformed_http",
    ),
    "an end-to-end field named as hop-by-hop": (
        get("/rates", "Connection: x-own", "X-Own: a"),
        "malformed_http",
    ),
    "two content-types": (
        post("Content-Type: a/b", "Content-Type: c/d", "Content-Length: 0"),
        "malformed_http",
    ),
    "two credentials": (get("/rates", "Authorization: Bearer other"), "malformed_http"),
}


@pytest.mark.parametrize("piece", ["at once", "byte by byte"])
@pytest.mark.parametrize("name", REFUSED)
async def test_refused_and_nothing_reaches_the_member(house: House, name: str, piece: str) -> None:
    given, code = REFUSED[name]
    whole_and_well_formed = code == "unknown_host"  # so that the connection may live
    given += b"" if whole_and_well_formed else SMUGGLED
    for start in range(0, len(given), 1 if piece != "at once" else len(given)):
        house.ask(given[start : start + 1] if piece != "at once" else given)
    assert house.member.written == b""
    assert house.problem["code"] == code
    assert answers(house) == 1
    assert (b"connection: close\r\n" in house.caller.written) is not whole_and_well_formed
    assert house.caller.closed is not whole_and_well_formed
    identified = code == "body_too_large"  # all else is refused before anybody is known
    assert [record.refusal for record in house.records()] == ([code] if identified else [])
    assert house.parts.counts.take_unidentified() == ({} if identified else {code: 1})


# --- paths that can be read in two ways: a refusal of the route, so the connection may live -----

TWO_WAYS = {
    "a dot segment": "/./rates",
    "a dot-dot segment": "/accounts/../rates",
    "dot-dot above the product": "/../../../v1/founding",
    "a dot segment at the end": "/rates/.",
    "an encoded dot segment": "/%2e/rates",
    "an encoded dot-dot segment": "/accounts/%2e%2E/rates",
    "half encoded dots": "/accounts/.%2e/rates",
    "an encoded slash": "/accounts%2fx",
    "an encoded slash in a parameter": "/accounts/acc-1%2Fbalances",
    "an encoded slash before dots": "/accounts/..%2frates",
    "an encoded backslash": "/accounts%5cx",
    "an encoded NUL": "/rates%00",
    "an encoded line end": "/rates%0d%0aX-Own:%20a",
    "an encoded DEL": "/rates%7f",
    "bytes that are not UTF-8": "/%ff",
    "an overlong slash": "/accounts%c0%afx",
    "two slashes": "//rates",
    "two slashes inside": "/accounts//balances",
    "a slash at the end": "/rates/",
    "an address as a path": "/https://evil.example/",
    "twice encoded": "/%252e%252e/rates",
}


@pytest.mark.parametrize("name", TWO_WAYS)
async def test_a_path_that_may_be_read_in_two_ways_leads_nowhere(house: House, name: str) -> None:
    house.ask(get(TWO_WAYS[name]))
    assert house.member.written == b""
    assert house.problem["code"] == "unknown_path"


BROKEN_CHUNKS = {
    "a size of no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "an empty size": b"\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size with an underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "a size over 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "space after the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "a size that ends in a bare LF": b"5\nhello\r\n0\r\n\r\n",
    "data longer than the size": b"4\r\nhello\r\n0\r\n\r\n",
    "data that ends in a bare LF": b"5\r\nhello\n0\r\n\r\n",
    "data that ends in a bare CR": b"5\r\nhello\r0\r\n\r\n",
    "an extension with a bare LF": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "an extension with a bare CR": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "an extension with NUL": b"5;a\0b\r\nhello\r\n0\r\n\r\n",
    "a last chunk that ends in a bare LF": b"5\r\nhello\r\n0\n\r\n",
    "trailers that end in a bare LF": b"5\r\nhello\r\n0\r\nx: y\n\r\n",
    "a folded trailer": b"5\r\nhello\r\n0\r\nx: y\r\n z\r\n\r\n",
    "a trailer with space before the colon": b"5\r\nhello\r\n0\r\nx : y\r\n\r\n",
    "a trailer with NUL": b"5\r\nhello\r\n0\r\nx: \0\r\n\r\n",
}


@pytest.mark.parametrize("piece", ["at once", "byte by byte"])
@pytest.mark.parametrize("name", BROKEN_CHUNKS)
async def test_broken_chunks_never_make_a_whole_request(
    house: House, name: str, piece: str
) -> None:
    given = post(CHUNKS) + BROKEN_CHUNKS[name] + SMUGGLED
    for start in range(0, len(given), 1 if piece != "at once" else len(given)):
        house.ask(given[start : start + 1] if piece != "at once" else given)
    head, _, body = received(house).partition(b"\r\n\r\n")
    assert head + b"\r\n\r\n" in (b"\r\n\r\n", sent("POST", framing=CHUNKED))
    assert body in (b"", b"5\r\nhello\r\n", *(_cut(b"hello", 5)), *(_cut(b"hell", 4)))
    assert not body.endswith(b"0\r\n\r\n")
    assert house.member.closed or house.member.written == b""
    assert house.problem["code"] == "malformed_http"
    assert house.caller.closed


def _cut(data: bytes, length: int) -> list[bytes]:
    """The beginnings of `data` as chunks of one byte each."""
    chunks = [b"1\r\n%c\r\n" % byte for byte in data[:length]]
    return [b"".join(chunks[:count]) for count in range(1, length + 1)] + [
        b"%x\r\n%b\r\n" % (length, data[:length])
    ]
