"""Answers of members: framing, failures, the reuse of connections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from wire_support import FakeLoop, FakeTransport

from weir.wire.deadlines import Deadlines
from weir.wire.declares import ENDPOINT_FAILURES, MEMBER_CONNECT_TIMEOUT_S
from weir.wire.heads import AnswerHead
from weir.wire.health_check import HealthCheck
from weir.wire.member_connection import ClientConnection, Failure, Outgoing
from weir.wire.upstream import Pool

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Hearing:
    """Receives an answer and notes everything."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.allowed = True

    def still_allowed(self) -> bool:
        return self.allowed

    def answer_head(self, head: AnswerHead, length: int | None) -> None:
        self.events.append((head.status, length))

    def answer_body(self, data: bytes) -> None:
        self.events.append(data)

    def answer_pause(self) -> None:
        return None

    def answer_end(self) -> None:
        self.events.append("end")

    def answer_failed(self, failure: Failure, detail: str) -> None:
        self.events.append(failure)

    def request_writable(self, allowed: bool) -> None:
        self.events.append(("writable", allowed))


class MemberPool(Pool):
    """A pool whose new connections the test makes by hand."""

    def __init__(self) -> None:
        self.fake_loop = FakeLoop()
        deadlines = Deadlines(self.fake_loop, 0.1)  # type: ignore[arg-type]
        super().__init__(self.fake_loop, deadlines)  # type: ignore[arg-type]
        deadlines.start()
        self.dialled: list[Outgoing] = []

    def send_fresh(self, outgoing: Outgoing) -> None:
        self.dialled.append(outgoing)

    def connect(self) -> tuple[ClientConnection, FakeTransport]:
        connection, transport = ClientConnection(self), FakeTransport()
        connection.connection_made(transport)  # type: ignore[arg-type]
        return connection, transport


def outgoing(
    pool: Pool, hearing: Hearing, *, method: str = "GET", whole: bool = True, **more: Any
) -> Outgoing:
    return Outgoing(
        pool,
        hearing,
        b"GET / HTTP/1.1\r\n\r\n",
        whole=whole,
        method=method,
        repeatable=more.pop("repeatable", method == "GET"),
        answer_timeout_s=1.0,
        whole_within_s=more.pop("whole_within_s", 300.0),
        **more,
    )


def feed(connection: ClientConnection, raw: bytes, piece: int | None = None) -> None:
    step = piece or len(raw)
    for start in range(0, len(raw), step):
        data = raw[start : start + step]
        connection.data_received(data)


def carried(
    raw: bytes, method: str = "GET", piece: int | None = None
) -> tuple[list[Any], FakeTransport, MemberPool]:
    pool, hearing = MemberPool(), Hearing()
    connection, transport = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, hearing, method=method))
    for start in range(0, len(raw), piece or len(raw) or 1):
        if transport.closed:
            break
        feed(connection, raw[start : start + (piece or len(raw))])
    return hearing.events, transport, pool


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize(
    ("raw", "heard"),
    [
        (OK, [(200, 2), b"ok", "end"]),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n",
            [(200, None), b"ok", "end"],
        ),
        (b"HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n" + OK, [(200, 2), b"ok", "end"]),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, [(200, 2), b"ok", "end"]),
        (b"HTTP/1.1 204 No\r\n\r\n", [(204, None), "end"]),
        (b"HTTP/1.1 304 No\r\ncontent-length: 9\r\n\r\n", [(304, 9), "end"]),
    ],
)
def test_answers_are_read_by_the_book_and_the_connection_kept(
    raw: bytes, heard: list[Any], piece: int | None
) -> None:
    events, transport, pool = carried(raw, piece=piece)
    joined = [event for event in events if not isinstance(event, bytes)]
    assert joined == [event for event in heard if not isinstance(event, bytes)]
    body = b"".join(event for event in events if isinstance(event, bytes))
    assert body == b"".join(event for event in heard if isinstance(event, bytes))
    assert not transport.closed
    assert pool.open_connections == 1


BROKEN = {
    "no HTTP": b"SPAM\r\n\r\n",
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
    "another coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabc",
    "a switched protocol": b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "a folded line": b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "a status beyond the classes": b"HTTP/1.1 999 OK\r\ncontent-length: 0\r\n\r\n",
    "line ends without CR": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 101 + b"\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_answers_that_break_the_rules_fail_and_end_the_connection(name: str) -> None:
    events, transport, _ = carried(BROKEN[name])
    assert events == [Failure.BROKEN]
    assert transport.aborted


def test_a_head_without_end_fails() -> None:
    events, transport, _ = carried(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, piece=10_000)
    assert events == [Failure.BROKEN]
    assert transport.aborted


def test_early_hints_without_end_fail() -> None:
    hints = b"HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n"
    events, _, _ = carried(hints * 3_000, piece=len(hints))
    assert events == [Failure.BROKEN]


def test_bytes_after_the_answer_are_given_to_nobody() -> None:
    events, transport, _ = carried(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")
    assert events == [(200, 2), b"ok", "end"]
    assert transport.aborted


def test_bytes_nobody_asked_for_end_the_connection() -> None:
    pool = MemberPool()
    connection, transport = pool.connect()
    pool.released(connection)
    feed(connection, OK)
    assert transport.aborted


def test_an_answer_to_head_has_no_body_and_keeps_the_connection() -> None:
    events, transport, _ = carried(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", "HEAD")
    assert events == [(200, 9), "end"]
    assert not transport.closed


def test_a_body_after_an_answer_to_head_ends_the_connection() -> None:
    events, transport, _ = carried(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", "HEAD")
    assert events == [(200, 3), "end"]
    assert transport.aborted


def test_connection_close_is_honoured() -> None:
    events, transport, _ = carried(
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    assert events == [(200, 0), "end"]
    assert transport.aborted


def test_an_answer_until_the_end_is_whole_only_when_the_end_was_said() -> None:
    for said, last in ((True, "end"), (False, Failure.BROKEN)):
        pool, hearing = MemberPool(), Hearing()
        connection, _ = pool.connect()
        pool.released(connection)
        pool.send(outgoing(pool, hearing))
        feed(connection, b"HTTP/1.1 200 OK\r\n\r\nsome")
        if said:
            connection.eof_received()
        connection.connection_lost(None)
        assert hearing.events == [(200, None), b"some", last]


# --- reuse --------------------------------------------------------------------------------------


def used(pool: MemberPool) -> ClientConnection:
    connection, _ = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, Hearing()))
    feed(connection, OK)
    return connection


def test_a_kept_connection_that_closes_under_a_get_is_tried_once_more_on_a_new_one() -> None:
    pool, hearing = MemberPool(), Hearing()
    connection = used(pool)
    pool.send(outgoing(pool, hearing))
    connection.connection_lost(None)
    assert len(pool.dialled) == 1
    assert hearing.events == []
    fresh, transport = pool.connect()
    fresh.carry(pool.dialled[0])
    assert transport.written == b"GET / HTTP/1.1\r\n\r\n"
    fresh.connection_lost(None)
    assert hearing.events == [Failure.BROKEN]  # once, not for ever


def test_what_changes_something_is_not_sent_twice() -> None:
    pool, hearing = MemberPool(), Hearing()
    connection = used(pool)
    pool.send(outgoing(pool, hearing, method="POST"))
    connection.connection_lost(None)
    assert pool.dialled == []
    assert hearing.events == [Failure.BROKEN]


def test_a_first_request_on_a_connection_is_not_repeated() -> None:
    pool, hearing = MemberPool(), Hearing()
    connection, _ = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, hearing))
    connection.connection_lost(None)
    assert hearing.events == [Failure.BROKEN]


def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    pool, hearing = MemberPool(), Hearing()
    connection = used(pool)
    pool.send(outgoing(pool, hearing))
    feed(connection, b"HTTP/1.1 200")
    connection.connection_lost(None)
    assert pool.dialled == []
    assert hearing.events == [Failure.BROKEN]


def test_a_connection_is_not_reused_before_the_request_was_sent_whole() -> None:
    pool, hearing = MemberPool(), Hearing()
    connection, transport = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, hearing, method="POST", whole=False))
    feed(connection, OK)
    assert hearing.events[-1] == "end"
    assert transport.aborted


def test_connections_unused_for_long_are_closed_oldest_first() -> None:
    pool = MemberPool()
    old, old_transport = pool.connect()
    pool.released(old)
    pool.fake_loop.pass_time(40)
    young, young_transport = pool.connect()
    pool.released(young)
    pool.fake_loop.pass_time(20)
    pool.close_idle()
    assert old_transport.aborted
    assert not young_transport.closed


# --- waiting and time ---------------------------------------------------------------------------


def test_a_full_pool_makes_requests_wait_and_gives_them_freed_connections() -> None:
    pool, first, second = MemberPool(), Hearing(), Hearing()
    pool._max_connections = 1
    connection, transport = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, first))
    pool.send(outgoing(pool, second))
    feed(connection, OK)
    assert first.events[-1] == "end"
    assert transport.written.count(b"GET / ") == 2
    feed(connection, OK)
    assert second.events[-1] == "end"


def test_who_waits_too_long_for_a_connection_is_told_that_all_are_busy() -> None:
    pool, hearing = MemberPool(), Hearing()
    pool._max_connections = 1
    connection, _ = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, Hearing()))
    pool.send(outgoing(pool, hearing))
    pool.fake_loop.pass_time(MEMBER_CONNECT_TIMEOUT_S + 1)
    assert hearing.events == [Failure.BUSY]


def test_no_answer_in_time_is_a_timeout_and_ends_the_connection() -> None:
    pool, hearing = MemberPool(), Hearing()
    connection, transport = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, hearing))
    pool.fake_loop.pass_time(1.1)
    assert hearing.events == [Failure.TIMEOUT]
    assert transport.aborted
    assert len(pool.deadlines) == 0


def test_while_the_reader_is_slow_the_member_is_not_late_but_every_call_has_a_last_moment() -> None:
    for latest, heard in ((300.0, []), (60.0, [Failure.CALLER_SLOW])):
        pool, hearing = MemberPool(), Hearing()
        connection, transport = pool.connect()
        pool.released(connection)
        request = outgoing(pool, hearing, whole_within_s=latest)
        pool.send(request)
        feed(connection, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        request.read(False)
        assert not transport.reading
        pool.fake_loop.pass_time(100)
        assert hearing.events[1:] == heard
        assert pool.ejection.failures == 0


def test_a_member_that_drips_its_answer_is_late_in_the_end_and_it_is_its_fault() -> None:
    pool, hearing = MemberPool(), Hearing()
    connection, transport = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, hearing, whole_within_s=60.0))
    feed(connection, b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
    for _ in range(5):
        pool.fake_loop.pass_time(11)
        feed(connection, b".")
    assert Failure.TIMEOUT not in hearing.events
    pool.fake_loop.pass_time(11)
    assert hearing.events[-1] is Failure.TIMEOUT
    assert transport.aborted
    assert pool.ejection.failures == 1


def test_a_caller_that_sends_slowly_ejects_no_member() -> None:
    pool = MemberPool()
    for _ in range(ENDPOINT_FAILURES + 1):
        hearing = Hearing()
        connection, transport = pool.connect()
        pool.released(connection)
        request = outgoing(pool, hearing, method="POST", whole=False)
        pool.send(request)
        for _ in range(5):
            pool.fake_loop.pass_time(10)  # ten times what the member has to begin its answer
            request.send(b".")
        request.cancel()  # the caller's own timeout is over
        assert hearing.events == [("writable", True)]
        assert transport.aborted
    assert not pool.ejection.out
    assert pool.ejection.failures == 0


def test_a_member_that_has_the_request_whole_or_does_not_read_it_has_its_own_time() -> None:
    for reads in (True, False):
        pool, hearing = MemberPool(), Hearing()
        connection, _ = pool.connect()
        pool.released(connection)
        request = outgoing(pool, hearing, method="POST", whole=False)
        pool.send(request)
        pool.fake_loop.pass_time(10)
        if reads:
            request.sent_whole()
        else:
            connection.pause_writing()
        pool.fake_loop.pass_time(1.2)
        assert hearing.events[-1] is Failure.TIMEOUT
        assert pool.ejection.failures == 1


async def test_a_check_does_not_wait_behind_the_calls_of_a_busy_endpoint() -> None:
    pool = MemberPool()
    pool._max_connections = 1
    connection, _ = pool.connect()
    pool.released(connection)
    for _ in range(5):
        pool.send(outgoing(pool, Hearing()))
    pool.loop = asyncio.get_running_loop()
    checking = asyncio.ensure_future(HealthCheck.ask(pool, b"member.example", b"/health"))
    await asyncio.sleep(0)
    (check,) = pool.dialled
    fresh, _ = pool.connect()
    fresh.carry(check)
    feed(fresh, OK)
    assert await checking is True
    assert not pool.ejection.out
