"""Requests and answers over one connection: order, bodies, framing, flow control, time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_support import Taking, Wire, get, ok, post

from weir.kernel.outcomes import Refusal
from weir.wire.declares import (
    BODY_TIMEOUT_S,
    BODY_TOO_LARGE,
    HEADER_TIMEOUT_S,
    IDLE_TIMEOUT_S,
    PIPELINED_REQUESTS,
)
from weir.wire.exchange import Exchange

NOW_S = 784_111_777.5
DATE = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\n" + DATE + b"content-length: 2\r\n\r\nhi"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are written at one moment, so that their Date is known."""
    monkeypatch.setattr("weir.wire.exchange.time.time", lambda: NOW_S)


def test_a_request_is_answered_and_the_connection_kept() -> None:
    wire = Wire(ok)
    wire.feed(get("/a?b=c", "X-Y: z"))
    wire.feed(get("/d"))
    assert wire.transport.written == ANSWER * 2
    assert [each.request.target for each in wire.handler.begun] == [b"/a?b=c", b"/d"]
    assert (b"x-y", b"z") in wire.handler.begun[0].request.fields
    assert not wire.transport.closed


@given(st.integers(min_value=1, max_value=40))
def test_it_does_not_matter_how_the_bytes_are_cut(piece: int) -> None:
    taking = Taking()
    wire = Wire(lambda exchange: exchange.receive(taking, 100))
    wire.feed(post("Content-Length: 5", body=b"hello"), piece)
    assert taking.data == b"hello"
    assert taking.events[-1] == "end"
    wire.handler.begun[0].answer(200, b"", b"hi")
    assert wire.transport.written == ANSWER


@pytest.mark.parametrize("piece", [None, 1])
def test_two_proofs_arrive_as_two_fields_and_read_as_none(piece: int | None) -> None:
    """Who checks proofs refuses them by the error of RFC 9449; the wire does not forestall it."""
    wire = Wire(ok)
    wire.feed(get("/", "DPoP: a.b.c", "DPoP: d.e.f"), piece)
    request = wire.handler.begun[0].request
    assert [value for name, value in request.fields if name == b"dpop"] == [b"a.b.c", b"d.e.f"]
    assert request.single[b"dpop"] == b"a.b.c, d.e.f"


def test_connection_close_is_honoured_and_what_follows_is_ignored() -> None:
    wire = Wire(ok)
    wire.feed(get("/", "Connection: close") + get("/more"))
    assert len(wire.handler.begun) == 1
    assert b"connection: close\r\n" in wire.transport.written
    assert wire.transport.closed


@pytest.mark.parametrize("lines", [b"date: kept\r\n", b"x-date: y\r\ndate: kept\r\nz: z\r\n"])
def test_a_date_that_the_answer_brings_stays(lines: bytes) -> None:
    """RFC 9110 section 6.6.1: who passes an answer on adds a Date only where there is none."""
    wire = Wire(lambda exchange: exchange.answer(200, lines, b"hi"))
    wire.feed(get("/"))
    assert wire.transport.written.count(b"date: kept\r\n") == 1
    assert DATE not in wire.transport.written


@pytest.mark.parametrize("status", [200, 204, 304, 401, 503])
def test_every_answer_has_one_date(status: int) -> None:
    wire = Wire(lambda exchange: exchange.answer(status, b"x-date: y\r\n", b""))
    wire.feed(get("/"))
    assert wire.transport.written.count(b"\r\n" + DATE) == 1


# --- pipelining ---------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    wire = Wire()
    wire.feed(get("/1") + get("/2") + get("/3"))
    assert len(wire.handler.begun) == 1
    assert not wire.transport.reading  # nothing more is read while two wait
    for number in (1, 2, 3):
        assert wire.handler.begun[-1].request.target == b"/%d" % number
        wire.handler.begun[-1].answer(200, b"", b"%d" % number)
    assert [write[-1:] for write in wire.transport.writes] == [b"1", b"2", b"3"]
    assert wire.transport.reading


def test_many_pipelined_requests_answered_at_once_do_not_recurse() -> None:
    wire = Wire(ok)
    wire.feed(get("/") * PIPELINED_REQUESTS)
    assert wire.transport.written == ANSWER * PIPELINED_REQUESTS


def test_more_pipelined_requests_than_the_bound_close_the_connection_after_those() -> None:
    wire = Wire()
    wire.feed(get("/") * (PIPELINED_REQUESTS + 5))
    for number in range(PIPELINED_REQUESTS):
        assert len(wire.handler.begun) == number + 1
        ok(wire.handler.begun[-1])
    assert len(wire.handler.begun) == PIPELINED_REQUESTS
    assert wire.transport.closed


def test_pipelined_requests_beyond_a_read_wait_in_the_kernel_and_are_answered_in_order() -> None:
    """A hundred times as many as are in one read: the connection asks for no more meanwhile."""
    wire, read = Wire(), 27
    for number in range(100):
        assert wire.transport.reading
        wire.feed(b"".join(get(f"/{number * read + each}") for each in range(read)))
        assert not wire.transport.reading
        while not wire.handler.begun[-1].ended:
            ok(wire.handler.begun[-1])
    targets = [exchange.request.target for exchange in wire.handler.begun]
    assert targets == [b"/%d" % each for each in range(100 * read)]
    assert not wire.transport.closed


# --- bodies -------------------------------------------------------------------------------------


def test_a_body_that_nobody_wants_yet_is_not_read_on() -> None:
    wire = Wire()
    wire.feed(post("Content-Length: 10", body=b"first"))
    assert not wire.transport.reading
    taking = Taking()
    wire.handler.begun[0].receive(taking, 100)
    assert taking.events == [b"first"]
    assert wire.transport.reading
    wire.feed(b"again")
    assert taking.events == [b"first", b"again", "end"]


def test_a_receiver_that_is_too_slow_pauses_the_caller() -> None:
    wire = Wire()
    wire.feed(post("Content-Length: 10"))
    exchange, taking = wire.handler.begun[0], Taking()
    exchange.receive(taking, 100)
    exchange.pause_body(True)
    assert not wire.transport.reading
    wire.feed(b"12345")  # was in the buffer
    assert taking.events == []
    exchange.pause_body(False)
    assert taking.events == [b"12345"]
    assert wire.transport.reading


def test_the_caller_is_told_to_continue_only_when_the_body_is_wanted() -> None:
    wire = Wire()
    wire.feed(post("Content-Length: 5", "Expect: 100-continue"))
    assert wire.transport.written == b""
    wire.handler.begun[0].receive(Taking(), 100)
    assert wire.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_refused_expectation_is_answered_without_continue_and_closed() -> None:
    wire = Wire()
    wire.feed(post("Content-Length: 5", "Expect: 100-continue"))
    wire.handler.begun[0].answer(401, b"", b"")
    assert wire.transport.written.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in wire.transport.written
    assert wire.transport.closed


def test_a_body_announced_too_large_is_refused_before_it_is_read() -> None:
    wire = Wire()
    wire.feed(post("Content-Length: 11"))
    with pytest.raises(Refusal) as refused:
        wire.handler.begun[0].receive(Taking(), 10)
    assert refused.value.outcome is BODY_TOO_LARGE


def test_chunks_that_grow_too_large_are_refused_on_their_way() -> None:
    wire = Wire()
    wire.feed(post("Transfer-Encoding: chunked"))
    taking = Taking()
    wire.handler.begun[0].receive(taking, 10)
    wire.feed(b"8\r\n12345678\r\n")
    wire.feed(b"8\r\n12345678\r\n")
    assert taking.events == [b"12345678", "body_too_large"]


def test_a_small_body_that_came_with_its_head_does_not_cost_the_connection() -> None:
    wire = Wire(lambda exchange: exchange.answer(403, b"", b""))
    wire.feed(post("Content-Length: 5", body=b"hello"))
    assert b"connection: close" not in wire.transport.written
    assert not wire.transport.closed


def test_trailers_are_dropped() -> None:
    taking = Taking()
    wire = Wire(lambda exchange: exchange.receive(taking, 100))
    wire.feed(
        post("Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    )
    assert taking.events == [b"ok", "end"]
    assert b"authorization" not in dict(wire.handler.begun[0].request.fields)


# --- answers ------------------------------------------------------------------------------------


def begin(wire: Wire, raw: bytes = get()) -> Exchange:
    wire.feed(raw)
    return wire.handler.begun[-1]


def test_an_answer_of_unknown_length_is_chunked_and_ends_with_end() -> None:
    wire = Wire()
    exchange = begin(wire)
    exchange.begin(200, b"x: y\r\n", None)
    exchange.send(b"hello")
    exchange.flush()
    exchange.send(b"world!")
    exchange.flush()
    assert not wire.transport.written.endswith(b"0\r\n\r\n")
    exchange.end()
    assert wire.transport.written == (
        b"HTTP/1.1 200 OK\r\nx: y\r\n" + DATE + b"transfer-encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n"
    )


def test_the_last_byte_of_an_answer_of_known_length_waits_for_end() -> None:
    wire = Wire()
    exchange = begin(wire)
    exchange.begin(200, b"", 4)
    exchange.send(b"ab")
    exchange.flush()
    exchange.send(b"cd")
    exchange.flush()
    assert wire.transport.written.endswith(b"\r\n\r\nab")
    exchange.end()
    assert wire.transport.written.endswith(b"\r\n\r\nabcd")


@pytest.mark.parametrize(
    ("raw", "status", "framing"),
    [
        (b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, b"content-length: 4\r\n"),
        (get(), 204, b""),
        (get(), 304, b""),
    ],
)
def test_answers_without_a_body_carry_none(raw: bytes, status: int, framing: bytes) -> None:
    wire = Wire()
    exchange = begin(wire, raw)
    exchange.begin(status, b"", 4)
    exchange.send(b"abcd")
    exchange.end()
    head, _, body = wire.transport.written.partition(b"\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert body == DATE + framing + b"\r\n"
    assert exchange.answer_bytes == 0


@pytest.mark.parametrize("body", [b"h", b"hi there"])
def test_an_answer_that_is_not_as_long_as_announced_is_broken_off(body: bytes) -> None:
    """Whoever reads on would take the next answer for a part of it, or the other way round."""
    wire = Wire()
    wire.feed(get("/1") + get("/2"))
    exchange = wire.handler.begun[0]
    exchange.begin(200, b"", 2)
    exchange.send(body)
    exchange.end()
    assert wire.transport.closed
    assert wire.transport.written == b""
    assert len(wire.handler.begun) == 1


def test_a_retracted_answer_leaves_no_trace() -> None:
    wire = Wire()
    exchange = begin(wire)
    exchange.begin(200, b"", None)
    exchange.send(b"secret")
    assert exchange.retract()
    exchange.answer(503, b"", b"no")
    assert b"secret" not in wire.transport.written
    assert wire.transport.written.startswith(b"HTTP/1.1 503 ")


def test_an_answer_that_has_begun_to_leave_cannot_be_retracted() -> None:
    wire = Wire()
    exchange = begin(wire)
    exchange.begin(200, b"", None)
    exchange.send(b"part")
    exchange.flush()
    assert not exchange.retract()
    exchange.abort()
    assert not wire.transport.written.endswith(b"0\r\n\r\n")
    assert wire.transport.closed


def test_a_slow_reader_is_told_to_the_receiver_and_cut_when_it_stays_slow() -> None:
    wire = Wire()
    exchange, taking = begin(wire), Taking()
    exchange.receiver = taking
    wire.connection.pause_writing()
    wire.connection.resume_writing()
    assert taking.events == [("writing", False), ("writing", True)]
    wire.connection.pause_writing()
    wire.pass_time(BODY_TIMEOUT_S + 1)
    assert wire.transport.aborted


def test_a_caller_that_leaves_is_told_to_the_receiver_once() -> None:
    wire = Wire()
    exchange, taking = begin(wire), Taking()
    exchange.receiver = taking
    wire.connection.connection_lost(None)
    assert taking.events == ["gone"]
    assert len(wire.deadlines) == 0


# --- time ---------------------------------------------------------------------------------------


def test_an_idle_connection_is_closed_without_a_word() -> None:
    wire = Wire(ok)
    wire.feed(get())
    written = wire.transport.written
    wire.pass_time(IDLE_TIMEOUT_S + 1)
    assert wire.transport.aborted
    assert wire.transport.written == written


def test_a_head_that_comes_too_slowly_is_refused() -> None:
    wire = Wire(ok)
    wire.feed(b"GET / HT")
    wire.pass_time(HEADER_TIMEOUT_S + 1)
    assert wire.handler.refused == ["request_timeout"]
    assert wire.transport.written.startswith(b"HTTP/1.1 408 ")
    assert wire.transport.closed


def test_one_byte_at_a_time_does_not_lengthen_the_heads_time() -> None:
    wire = Wire(ok)
    for byte in b"GET / HTTP/1.1":
        wire.feed(bytes([byte]))
        wire.pass_time(1)
    assert wire.handler.refused == ["request_timeout"]


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    wire = Wire()
    wire.feed(post("Content-Length: 5", body=b"h"))
    taking = Taking()
    wire.handler.begun[0].receive(taking, 100)
    wire.pass_time(BODY_TIMEOUT_S + 1)
    assert taking.events == [b"h", "request_timeout"]


def test_a_call_in_flight_has_no_deadline_of_the_callers() -> None:
    wire = Wire()
    exchange = begin(wire)
    wire.pass_time(3_600)
    ok(exchange)
    assert wire.transport.written == ANSWER


# --- draining -----------------------------------------------------------------------------------


def test_draining_closes_idle_connections_and_others_after_their_answer() -> None:
    idle, busy = Wire(ok), Wire()
    exchange = begin(busy)
    idle.listener.drain()
    busy.listener.drain()
    assert idle.transport.closed
    assert not busy.transport.closed
    ok(exchange)
    assert b"connection: close" in busy.transport.written
    assert busy.transport.closed
    busy.connection.connection_lost(None)
    assert busy.listener.left.is_set()
