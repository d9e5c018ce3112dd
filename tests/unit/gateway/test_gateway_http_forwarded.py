"""HTTP, strictly (RFC 9110, 9112): what is forwarded, in which one form.

Each request is sent with a good token and certificate, so that only its form decides. What the
member received is compared byte by byte.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_support import PREFIX, House
from http_support import (
    CHUNKED,
    LENGTH_5,
    OK,
    SMUGGLED,
    answers,
    get,
    post,
    raw,
    received,
    sent,
)


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return House(tmp_path)


FORWARDED: dict[str, tuple[bytes, bytes]] = {
    "a plain GET": (get(), sent()),
    "a query goes as it came": (get("/rates?a=%2f..&b"), sent("GET", "/rates?a=%2f..&b")),
    "content-length with its body": (
        post("Content-Length: 5", body=b"hello"),
        sent("POST", **LENGTH_5),  # type: ignore[arg-type]
    ),
    "content-length of leading zeros in one form": (
        post("Content-Length: 0005", body=b"hello"),
        sent("POST", **LENGTH_5),  # type: ignore[arg-type]
    ),
    "space around a length does not travel": (
        post("Content-Length: \t 5 \t", body=b"hello"),
        sent("POST", **LENGTH_5),  # type: ignore[arg-type]
    ),
    "a post without a body says nothing of one": (post(), sent("POST")),
    "a length of zero is said": (
        post("Content-Length: 0"),
        sent("POST", framing=b"content-length: 0\r\n"),
    ),
    "chunks are framed anew": (
        post("Transfer-Encoding: chunked", body=b"005\r\nhello\r\n0\r\n\r\n"),
        sent("POST", framing=CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
    ),
    "chunked in capital letters is one coding": (
        post("Transfer-Encoding: CHUNKED", body=b"5\r\nhello\r\n0\r\n\r\n"),
        sent("POST", framing=CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
    ),
    "chunk extensions do not travel": (
        post("Transfer-Encoding: chunked", body=b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'),
        sent("POST", framing=CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
    ),
    "a chunk extension without a name does not travel": (
        post("Transfer-Encoding: chunked", body=b"5;=b\r\nhello\r\n0\r\n\r\n"),
        sent("POST", framing=CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
    ),
    "trailers do not travel": (
        post(
            "Trailer: openfinance-identity",
            "Transfer-Encoding: chunked",
            body=b"5\r\nhello\r\n0\r\nopenfinance-identity: forged\r\nHost: b\r\n\r\n",
        ),
        sent("POST", framing=CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
    ),
    "expect is answered by us and does not travel": (
        post("Expect: 100-continue", "Content-Length: 5", body=b"hello"),
        sent("POST", **LENGTH_5),  # type: ignore[arg-type]
    ),
    "absolute-form for our own host becomes origin-form": (
        raw(f"GET https://api.localhost{PREFIX}/rates?x HTTP/1.1"),
        sent("GET", "/rates?x"),
    ),
    "field names in small letters, values without space before them": (
        get("/rates", "X-OWN: \t kept"),
        sent("GET", "/rates", "x-own: kept"),
    ),
    "obs-text in a value is kept as it is": (
        get("/rates", b"X-Own: \xe4\xb8\xad"),
        sent("GET", "/rates", "x-own: \u4e2d"),
    ),
    "an encoded letter becomes the letter": (get("/r%61tes"), sent()),
    "head is asked as head": (
        raw(f"HEAD {PREFIX}/rates HTTP/1.1"),
        sent("HEAD"),
    ),
    "hop-by-hop fields do not travel": (
        get(
            "/rates",
            "Connection: keep-alive, te",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic eA==",
            "Proxy-Authenticate: Basic",
            "TE: trailers",
            "HTTP2-Settings: AAMAAABk",
        ),
        sent(),
    ),
    "the identity cannot be forged": (
        get(
            "/rates",
            "OpenFinance-Identity: forged",
            "openfinance_identity: forged",
            "OPENFINANCE-TIMEOUT-MS: 9",
            "openfinance-anything: forged",
            "Weir-Client-Certificate: forged",
            "weir_client_certificate: forged",
        ),
        sent(),
    ),
    "what proxies say of callers cannot be forged": (
        get(
            "/rates",
            "Forwarded: for=1.2.3.4",
            "X-Forwarded-For: 1.2.3.4",
            "X-Forwarded-Host: evil",
            "X-Forwarded-Proto: http",
            "X-Real-IP: 1.2.3.4",
            "Via: 1.1 evil",
        ),
        sent(),
    ),
    "credentials stay here": (get("/rates", "Cookie: a=b", "DPoP: x"), sent()),
    "empty lines before a request are no part of it": (b"\r\n\n" + get(), sent()),
}


@pytest.mark.parametrize("piece", ["at once", "byte by byte"])
@pytest.mark.parametrize("name", FORWARDED)
async def test_forwarded_in_one_form(house: House, name: str, piece: str) -> None:
    given, expected = FORWARDED[name]
    for start in range(0, len(given), 1 if piece != "at once" else len(given)):
        house.ask(given[start : start + 1] if piece != "at once" else given)
    assert unframed(received(house)) == unframed(expected), house.caller.written


def unframed(message: bytes) -> bytes:
    """The message with its chunks joined: how a body was cut on its way is nobody's business."""
    head, _, body = message.partition(b"\r\n\r\n")
    if CHUNKED.strip() not in head:
        return message
    assert body.endswith(b"0\r\n\r\n"), body
    joined = b""
    while not body.startswith(b"0\r\n"):
        size, _, body = body.partition(b"\r\n")
        assert size == b"%x" % int(size, 16)
        joined, body = joined + body[: int(size, 16)], body[int(size, 16) + 2 :]
    assert body == b"0\r\n\r\n"
    return head + b"\r\n\r\n" + joined


# --- pipelining ---------------------------------------------------------------------------------


async def test_pipelined_calls_reach_the_member_one_after_the_other(house: House) -> None:
    house.ask(get("/rates?1") + post("Content-Length: 5", body=b"hello") + get("/rates?3"))
    first = sent("GET", "/rates?1")
    assert received(house) == first
    house.answer(OK)
    second = sent("POST", **LENGTH_5)  # type: ignore[arg-type]
    assert received(house) == first + second
    house.answer(OK)
    assert received(house) == first + second + sent("GET", "/rates?3")
    house.answer(OK)
    assert house.caller.written.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert not house.caller.closed


async def test_what_stands_behind_a_refused_call_is_never_begun(house: House) -> None:
    house.ask(get("/rates?1") + get("/rates", "X-Own : a") + get("/rates?3"))
    house.answer(OK)
    assert received(house) == sent("GET", "/rates?1")
    assert answers(house) == 2
    assert house.caller.closed


async def test_a_body_never_becomes_the_next_request(house: House) -> None:
    inner = SMUGGLED
    house.ask(post(f"Content-Length: {len(inner)}", body=inner) + get("/rates?2"))
    framing = b"content-length: %d\r\n" % len(inner)
    first = sent("POST", framing=framing, body=inner)
    assert house.member.written.count(b"openfinance-identity") == 1
    assert house.member.written.endswith(inner)
    house.answer(OK)
    assert house.member.written.endswith(b"\r\n\r\n")
    assert house.member.written.count(b"openfinance-identity") == 2
    assert first.endswith(inner)


async def test_options_asterisk_is_answered_here(house: House) -> None:
    house.ask(raw("OPTIONS * HTTP/1.1"))
    assert house.member.written == b""
    assert house.problem["code"] == "unknown_path"
