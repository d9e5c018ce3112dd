"""HTTP, strictly (RFC 9110, 9112): members' answers, every point by its name.

An answer reaches the caller in one form, or not at all; none that broke off is taken for whole.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_support import INTERACTION, PREFIX, House
from http_support import (
    OK,
    get,
    post,
    raw,
    received,
    sent,
)


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return House(tmp_path)


# --- answers ------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[str, bytes, bytes]] = {
    "204 carries no body": ("GET", b"HTTP/1.1 204 No\r\n\r\n", b""),
    "304 carries no body and no length": (
        "GET",
        b"HTTP/1.1 304 No\r\ncontent-length: 9\r\n\r\n",
        b"",
    ),
    "HEAD has the length and no body": (
        "HEAD",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        b"",
    ),
    "1xx before it is not passed on": (
        "GET",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\n" + OK,
        b"ok",
    ),
    "what is longer than it said is cut": ("GET", OK + b"more", b"ok"),
    "a second answer is given to nobody": ("GET", OK + OK, b"ok"),
    "chunks, extensions and trailers are framed anew": (
        "GET",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\na: b\r\n\r\n",
        b"2\r\nok\r\n0\r\n\r\n",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_given_in_one_form(house: House, name: str) -> None:
    method, answer, body = ANSWERS[name]
    house.ask(raw(f"{method} {PREFIX}/rates HTTP/1.1"))
    house.answer(answer)
    head, _, rest = house.caller.written.partition(b"\r\n\r\n")
    assert rest == body
    assert head.count(b"HTTP/1.1 ") == 1
    for never in (b"link", b"trailer", b"a: b"):
        assert never not in head
    if name.startswith("304"):
        assert b"content-length" not in head
    if method == "HEAD":
        assert b"content-length: 9" in head


MALFORMED_ANSWERS = {
    "no HTTP": b"SPAM\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length and chunks": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a signed length": b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
    "another coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok",
    "obs-fold": b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 2\r\n\r\nok",
    "a bare LF": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    "a bare CR": b"HTTP/1.1 200 OK\r\na: b\rc\r\ncontent-length: 2\r\n\r\nok",
    "NUL": b"HTTP/1.1 200 OK\r\na: \0\r\ncontent-length: 2\r\n\r\nok",
    "space before the colon": b"HTTP/1.1 200 OK\r\na : b\r\ncontent-length: 2\r\n\r\nok",
    "a switched protocol": b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok",
    "a status beyond the classes": b"HTTP/1.1 600 X\r\ncontent-length: 2\r\n\r\nok",
    "another version": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 101 + b"\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\na: " + b"b" * 60_000,
}


@pytest.mark.parametrize("name", MALFORMED_ANSWERS)
async def test_a_malformed_answer_is_never_passed_on(house: House, name: str) -> None:
    house.ask(get())
    house.answer(MALFORMED_ANSWERS[name])
    assert house.problem["code"] == "member_broken_answer"
    assert house.caller.written.startswith(b"HTTP/1.1 502 ")
    assert house.member.closed


async def test_an_answer_closed_mid_body_is_never_taken_for_whole(house: House) -> None:
    house.ask(get())
    house.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    house.member_connection.connection_lost(None)
    assert house.caller.written.endswith(b"\r\n\r\nhalf")
    assert house.caller.closed
    assert house.records()[0].refusal == "member_broken_answer"


async def test_an_answer_of_chunks_closed_mid_body_has_no_last_chunk(house: House) -> None:
    house.ask(get())
    house.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    house.member_connection.connection_lost(None)
    assert house.caller.written.endswith(b"4\r\nhalf\r\n")
    assert house.caller.closed


async def test_an_early_answer_ends_the_request_and_both_connections(house: House) -> None:
    house.ask(post("Content-Length: 5", body=b"he"))
    house.answer(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno")
    assert house.caller.written.endswith(b"no")
    assert b"connection: close" in house.caller.written
    assert house.caller.closed
    assert house.member.closed
    assert received(house) == sent("POST", framing=b"content-length: 5\r\n", body=b"he")


HOP_BY_HOP = (
    b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
    b"Trailer: a\r\nUpgrade: h2c\r\nTE: trailers\r\n"
)


async def test_hop_by_hop_fields_of_an_answer_are_stripped(house: House) -> None:
    house.ask(get())
    own = b"a: b\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 2\r\n\r\nok"
    house.answer(b"HTTP/1.1 200 OK\r\n" + HOP_BY_HOP + own)
    head = house.caller.written.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert sorted(line for line in head[1:] if not line.startswith(b"weir-receipt: ")) == [
        b"a: b",
        b"content-length: 2",
        b"date: Sun, 06 Nov 1994 08:49:37 GMT",  # the member's own stays
        b"x-fapi-interaction-id: %b" % INTERACTION.encode(),
    ]
