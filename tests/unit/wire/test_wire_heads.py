"""What is read by known lines is what llhttp reads, whatever the lines; the rest is left to it."""

from __future__ import annotations

import tracemalloc
from typing import Any

import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wire_support import Wire, get, ok

from weir.wire.heads import Heads, Known, read_answer, read_request

NAMES = [
    b"Host", b"accept", b"X-Own", b"Authorization", b"Content-Length", b"Connection", b"X_A",
    b"Transfer-Encoding", b"Trailer", b"Upgrade", b"Expect", b"X Y", b"X\x00", b"", b"X\xe4", b"TE",
]  # fmt: skip
COLONS = [b": "] * 12 + [b":", b":\t ", b" : ", b"", b":\r\n "]
VALUES = [
    b"a", b"a b\tc", b"keep-alive", b"close", b"chunked", b"2", b"0", b"+2", b"2, 2", b"", b" ",
    b"a ", b"a\x00", b"\xe4", b"a\rb", b"a\nb", b"100-continue", b"h2c", b"\x7f", b"a,b",
]  # fmt: skip
ENDS = [b"\r\n"] * 20 + [b"\n", b"\r", b"\r\r\n", b"\r\n\r\n"]
REQUEST_LINES = [
    b"GET / HTTP/1.1", b"POST /a?b HTTP/1.1", b"HEAD /%20 HTTP/1.1", b"GET  / HTTP/1.1",
    b"GET * HTTP/1.1",
    b"GET / HTTP/1.0", b"get / HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET /a b HTTP/1.1",
    b"CONNECT /a HTTP/1.1",
    b"GET /#a HTTP/1.1", b"GET https://a/ HTTP/1.1", b"\r\nGET / HTTP/1.1", b"PURGE / HTTP/1.1",
]  # fmt: skip
STATUS_LINES = [
    b"HTTP/1.1 200 OK", b"HTTP/1.1 404 ", b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No",
    b"HTTP/1.1 304 No", b"HTTP/1.1 100 Continue", b"HTTP/1.1 600 X", b"HTTP/1.1 2000 X",
    b"http/1.1 200 OK",
    b"HTTP/1.1  200 OK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 \xe4", b"HTTP/1.1 503 Not Now",
]  # fmt: skip

_lines = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(COLONS),
        st.sampled_from(VALUES),
        st.sampled_from(ENDS),
    ).map(b"".join),
    max_size=4,
).map(b"".join)
_bodies = st.sampled_from([b"", b"ok", b"o", b"okay", b"2\r\nok\r\n0\r\n\r\n"])
_requests = st.tuples(
    st.sampled_from(REQUEST_LINES), st.just(b"\r\nHost: a\r\n"), _lines, st.just(b"\r\n"), _bodies
).map(b"".join)
_answers = st.tuples(
    st.sampled_from(STATUS_LINES), st.sampled_from(ENDS), _lines, st.just(b"\r\n"), _bodies
).map(b"".join)


class Reading:
    """Notes what llhttp reads."""

    def __init__(self, parser: Any) -> None:
        self.parser = parser(self)
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.heads = 0
        self.complete = 0
        self.keep_alive = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.heads += 1
        self.keep_alive = self.parser.should_keep_alive()  # reset at the message's end

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


@pytest.fixture(scope="module")
def known() -> Heads:
    """A memory that fills as the examples go by."""
    return Heads()


@settings(max_examples=1_000, deadline=None)
@given(raw=_requests)
def test_a_request_is_read_as_llhttp_reads_it(known: Heads, raw: bytes) -> None:
    request = read_request(raw, known)
    if request is None:
        return
    reading = Reading(httptools.HttpRequestParser)
    reading.parser.feed_data(raw)
    assert (reading.heads, reading.complete, reading.body) == (1, 1, b"")
    assert reading.parser.get_method() == request.method.encode()
    assert (reading.target, reading.fields) == (request.target, request.fields)
    assert reading.keep_alive
    assert request.keep_alive
    assert not reading.parser.should_upgrade()
    assert not request.has_body


@settings(max_examples=1_000, deadline=None)
@given(raw=_answers)
@example(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
def test_an_answer_is_read_as_llhttp_reads_it(known: Heads, raw: bytes) -> None:
    answer = read_answer(raw, known)
    if answer is None:
        return
    reading = Reading(httptools.HttpResponseParser)
    reading.parser.feed_data(raw)
    assert (reading.heads, reading.complete) == (1, 1)
    assert reading.parser.get_status_code() == answer.head.status
    assert (reading.fields, reading.body) == (answer.head.fields, answer.body)
    assert reading.keep_alive


def test_what_is_usual_is_read_here() -> None:
    """The properties would hold of a reader that leaves everything to llhttp."""
    heads = Heads()
    for _ in range(2):  # unknown, then known
        request = read_request(b"GET /a HTTP/1.1\r\nHost: a\r\nAccept: x\r\n\r\n", heads)
        assert request is not None
        assert request.fields == [(b"host", b"a"), (b"accept", b"x")]
        answer = read_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", heads)
        assert answer is not None
        assert (answer.head.status, answer.body) == (200, b"ok")


def test_what_anybody_may_send_is_remembered_within_a_bound_however_it_is_cut() -> None:
    """Short lines and small heads cost more than their bytes, and are counted so."""
    heads = Heads()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(30_000):
        small = b"GET /%x HTTP/1.1\r\nhost: a\r\na: %x\r\n\r\n" % (number, number)
        assert read_request(small, heads) is not None
        if number % 100 == 0:
            many = b"".join(b"a%x: %x\r\n" % (each, number) for each in range(90))
            assert read_request(b"GET / HTTP/1.1\r\nhost: a\r\n%b\r\n" % many, heads) is not None
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held - before < 3 * 2 * (4 << 20)


def test_parts_of_heads_are_shared_and_what_is_new_in_every_request_is_not_kept() -> None:
    heads = Heads()

    def read(lines: bytes) -> Any:
        request = read_request(b"GET /a HTTP/1.1\r\nhost: a\r\n" + lines + b"\r\n", heads)
        assert request is not None
        return request

    one, two, other = read(b"accept: x\r\n"), read(b"accept: x\r\n"), read(b"accept: y\r\n")
    assert one.line is two.line is other.line
    assert one.section is two.section
    assert one.section is not other.section
    kept = len(heads.sections)
    for name in (b"x-fapi-interaction-id", b"DPoP", b"X-Idempotency-Key"):
        line = name + b": 1\r\n"
        assert read(line).section is not read(line).section
    assert len(heads.sections) == kept


def test_parts_of_heads_that_are_not_used_are_forgotten_and_long_ones_never_kept() -> None:
    known: Known[int] = Known()
    known.keep(b"first", 1)
    for number in range(5_000):
        known.keep(b"%08000d" % number, number)
        assert known.find(b"first") == 1  # used, and therefore young again
    assert len(known) < 400
    assert known.find(b"%08000d" % 0) is None
    known.keep(b"a" * 9_000, 1)
    assert known.find(b"a" * 9_000) is None


def test_requests_in_one_piece_and_in_many_alternate_on_a_connection() -> None:
    wire = Wire(ok)
    for piece in (None, 1, None, 7, None):
        wire.feed(get("/a"), piece)
    assert [each.request.target for each in wire.handler.begun] == [b"/a"] * 5
    assert wire.transport.written.count(b"HTTP/1.1 200") == 5
