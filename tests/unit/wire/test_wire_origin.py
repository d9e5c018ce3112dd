"""Several endpoints as one service: choice, ejection, trying again and its budget."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from typing import Any

import pytest
from test_wire_answers import OK, Hearing, MemberPool, feed, outgoing

from waits import PATIENCE_S
from weir.kernel.outcomes import Refusal
from weir.wire.deadlines import Deadlines
from weir.wire.declares import (
    ENDPOINT_EJECTION_S,
    ENDPOINT_FAILURES,
    MEMBER_POOL_OPENING,
    MEMBER_POOL_WAITING,
    MEMBER_UNREACHABLE,
    REQUEST_TRIES,
    RETRIES_MIN,
    RETRY_PERCENT,
)
from weir.wire.member_connection import ClientConnection, Failure, Outgoing
from weir.wire.origin import Origin
from weir.wire.upstream import Pool


def service(count: int) -> tuple[Origin, list[MemberPool]]:
    pools = [MemberPool() for _ in range(count)]
    return Origin(pools), pools


def sent(pool: MemberPool, hearing: Hearing | None = None, **more: Any) -> ClientConnection:
    connection, _ = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, hearing or Hearing(), **more))
    return connection


def eject(pool: MemberPool) -> None:
    for _ in range(ENDPOINT_FAILURES):
        pool.failed()


# --- choice -------------------------------------------------------------------------------------


def test_the_endpoint_with_the_fewest_in_flight_is_chosen() -> None:
    origin, pools = service(3)
    sent(pools[0])
    sent(pools[2])
    assert {origin.choose() for _ in range(5)} == {pools[1]}
    connection = sent(pools[1])
    sent(pools[1])
    assert pools[1] not in {origin.choose() for _ in range(5)}
    feed(connection, OK)
    assert (pools[0].busy, pools[1].busy, pools[2].busy) == (1, 1, 1)


def test_equals_take_turns() -> None:
    origin, pools = service(3)
    assert sorted(map(pools.index, [origin.choose() for _ in range(6)])) == [0, 0, 1, 1, 2, 2]  # type: ignore[arg-type]


def test_what_waits_for_a_full_pool_counts_as_in_flight() -> None:
    _, (pool,) = service(1)
    pool._max_connections = 1
    sent(pool)
    pool.send(outgoing(pool, Hearing()))
    assert pool.busy == 2


def test_a_queue_is_bounded_and_then_says_busy_at_once() -> None:
    pool = MemberPool()
    pool._max_connections = 0
    for _ in range(MEMBER_POOL_WAITING):
        pool.send(outgoing(pool, Hearing()))
    hearing = Hearing()
    pool.send(outgoing(pool, hearing))
    assert hearing.events == [Failure.BUSY]
    assert pool.busy == MEMBER_POOL_WAITING


async def test_a_burst_has_few_connections_made_at_a_time_and_none_of_it_fails() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    pool = Pool(
        loop, Deadlines(loop, 0.1), host="127.0.0.1", port=server.sockets[0].getsockname()[1]
    )
    burst = [Hearing() for _ in range(2_000)]
    for each in burst:
        pool.send(outgoing(pool, each))
    async with asyncio.timeout(PATIENCE_S):
        while not all(each.events for each in burst):
            assert pool._opening <= MEMBER_POOL_OPENING
            await asyncio.sleep(0)
    assert {tuple(map(str, each.events)) for each in burst} == {("(200, 0)", "end")}
    pool.close()
    server.close()


# --- ejection and return ------------------------------------------------------------------------


def test_an_ejected_endpoint_gets_nothing_until_its_check_has_passed() -> None:
    origin, pools = service(2)
    eject(pools[0])
    assert {origin.choose() for _ in range(4)} == {pools[1]}
    assert origin.ejected == 1
    pools[0].checked(False)
    assert {origin.choose() for _ in range(4)} == {pools[1]}
    pools[0].checked(True)
    assert {origin.choose() for _ in range(4)} == set(pools)


def test_idle_connections_of_an_ejected_endpoint_are_closed() -> None:
    _, (pool, _) = service(2)
    connection, transport = pool.connect()
    pool.released(connection)
    eject(pool)
    assert transport.aborted


def test_what_waits_for_an_endpoint_that_is_ejected_goes_to_another() -> None:
    origin, (out, other) = service(2)
    out._max_connections = 0
    waiting, given_up, withdrawn = Hearing(), Hearing(), Hearing()
    for each in (waiting, given_up, withdrawn):
        out.send(outgoing(out, each))
    out._waiting[1].cancel()
    withdrawn.allowed = False
    connection, transport = other.connect()
    other.released(connection)
    eject(out)
    assert (out.busy, other.busy, origin.retries) == (0, 1, 0)
    assert transport.written
    feed(connection, OK)
    assert waiting.events
    assert not given_up.events
    assert not [each for each in withdrawn.events if each == "end"]


def test_what_waits_for_the_last_endpoint_is_told_when_it_is_out() -> None:
    _, (one, other) = service(2)
    eject(other)
    one._max_connections = 0
    hearing = Hearing()
    one.send(outgoing(one, hearing))
    eject(one)
    assert hearing.events == [Failure.UNREACHABLE]


def test_with_every_endpoint_out_the_circuit_is_open_and_says_for_how_long() -> None:
    origin, pools = service(2)
    for pool in pools:
        eject(pool)
    with pytest.raises(Refusal) as refused:
        origin.choose()
    assert refused.value.outcome is MEMBER_UNREACHABLE
    assert refused.value.public["retry_after_s"] == ENDPOINT_EJECTION_S + 1
    pools[1].checked(True)
    assert origin.choose() is pools[1]


@pytest.mark.parametrize("answer", [b"SPAM\r\n\r\n", None])
def test_broken_answers_and_late_ones_count_against_the_endpoint(answer: bytes | None) -> None:
    _, (pool,) = service(1)
    for _ in range(ENDPOINT_FAILURES):
        connection = sent(pool)
        if answer is not None:
            feed(connection, answer)
        else:
            pool.fake_loop.pass_time(1.1)
    assert pool.ejection.out


@pytest.mark.parametrize("status", [500, 503])
def test_a_status_is_an_answer_and_ejects_nobody(status: int) -> None:
    _, (pool,) = service(1)
    for _ in range(2 * ENDPOINT_FAILURES):
        feed(sent(pool), b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
    assert not pool.ejection.out


def test_a_caller_that_leaves_counts_against_nobody() -> None:
    _, (pool,) = service(1)
    for _ in range(2 * ENDPOINT_FAILURES):
        connection, _ = pool.connect()
        pool.released(connection)
        request = outgoing(pool, Hearing())
        pool.send(request)
        request.cancel()
    assert pool.ejection.failures == 0


# --- trying again -------------------------------------------------------------------------------


def test_what_was_not_sent_goes_to_another_endpoint_whatever_its_method() -> None:
    origin, pools = service(2)
    hearing = Hearing()
    request = outgoing(pools[0], hearing, method="POST")
    pools[0]._unreachable(request, "nobody there")
    assert pools[1].dialled == [request]
    assert hearing.events == []
    assert origin.retries == 1
    assert pools[0].ejection.failures == 1


class LackingPool(Pool):
    """A pool of a process that has no descriptor left."""

    async def _dial(self) -> ClientConnection:
        raise OSError(errno.EMFILE, "Too many open files")


async def test_a_lack_of_descriptors_says_nothing_of_the_endpoint() -> None:
    loop = asyncio.get_running_loop()
    pool = LackingPool(loop, Deadlines(loop, 1.0))
    for _ in range(10 * ENDPOINT_FAILURES):
        hearing = Hearing()
        await pool._connect(outgoing(pool, hearing))
        assert hearing.events == [Failure.BUSY]
        assert await pool.connects(PATIENCE_S)
    assert pool.ejection.failures == 0
    assert not pool.ejection.out


def test_what_was_not_sent_is_not_tried_at_the_same_endpoint_again() -> None:
    _, (pool,) = service(1)
    hearing = Hearing()
    pool._unreachable(outgoing(pool, hearing), "nobody there")
    assert pool.dialled == []
    assert hearing.events == [Failure.UNREACHABLE]


def test_a_get_that_was_sent_and_not_answered_goes_to_another_endpoint_once() -> None:
    _, pools = service(3)
    hearing = Hearing()
    sent(pools[0], hearing).connection_lost(None)
    (other,) = [pool for pool in pools[1:] if pool.dialled]
    assert hearing.events == []
    connection, _ = other.connect()
    connection.carry(other.dialled[0])
    connection.connection_lost(None)
    assert hearing.events == [Failure.BROKEN]
    assert sum(len(pool.dialled) for pool in pools) == 1


@pytest.mark.parametrize("answered", [b"", b"HTTP/1.1 200"])
def test_a_post_that_was_sent_is_not_sent_again(answered: bytes) -> None:
    _, pools = service(2)
    hearing = Hearing()
    connection = sent(pools[0], hearing, method="POST")
    if answered:
        feed(connection, answered)
    connection.connection_lost(None)
    assert [pool.dialled for pool in pools] == [[], []]
    assert hearing.events == [Failure.BROKEN]


def test_a_get_with_a_byte_of_answer_is_not_sent_again() -> None:
    _, pools = service(2)
    hearing = Hearing()
    connection = sent(pools[0], hearing)
    feed(connection, b"H")
    connection.connection_lost(None)
    assert [pool.dialled for pool in pools] == [[], []]
    assert hearing.events == [Failure.BROKEN]


def test_a_timeout_is_not_tried_again() -> None:
    _, pools = service(2)
    hearing = Hearing()
    sent(pools[0], hearing)
    pools[0].fake_loop.pass_time(1.1)
    assert hearing.events == [Failure.TIMEOUT]
    assert pools[1].dialled == []


def test_one_request_is_tried_so_often_and_no_more() -> None:
    _, pools = service(5)
    hearing = Hearing()
    request = outgoing(pools[0], hearing)
    while not request.done:
        request.pool._unreachable(request, "nobody there")
    assert request.tries == REQUEST_TRIES
    assert hearing.events == [Failure.UNREACHABLE]


def test_the_retry_budget_is_a_share_of_the_requests_or_a_few() -> None:
    origin, pools = service(2)

    def retried(count: int) -> int:
        before = origin.retries
        for _ in range(count):
            pools[0]._unreachable(outgoing(pools[0], Hearing()), "nobody there")
            pools[0].ejection.failures = 0
        return origin.retries - before

    assert retried(100) == RETRIES_MIN
    assert retried(1) == 0
    for _ in range(1_000):
        origin.choose()
    origin.renew_budget()
    assert retried(1_000) == 1_000 * RETRY_PERCENT // 100
    origin.renew_budget()
    assert retried(100) == RETRIES_MIN


def test_what_may_not_leave_any_more_is_not_sent_again() -> None:
    class Withdrawn(Hearing):
        def still_allowed(self) -> bool:
            self.events.append("refused")
            return False

    _, pools = service(2)
    hearing = Withdrawn()
    pools[0]._unreachable(outgoing(pools[0], hearing), "nobody there")
    assert pools[1].dialled == []
    assert hearing.events == ["refused"]


# --- leaving ------------------------------------------------------------------------------------


def test_an_endpoint_that_is_gone_ends_when_its_answers_have_ended() -> None:
    pool, hearing = MemberPool(), Hearing()
    busy = sent(pool, hearing)
    idle, idle_transport = pool.connect()
    pool.released(idle)
    pool.retire()
    assert idle_transport.aborted
    feed(busy, OK)
    assert hearing.events == [(200, 2), b"ok", "end"]
    assert busy._transport.closed  # type: ignore[union-attr]
    late, late_transport = pool.connect()
    pool.released(late)
    assert late_transport.aborted


async def test_connections_to_addresses_the_name_has_left_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers = ["127.0.0.1"]

    async def getaddrinfo(host: str, port: None, **more: int) -> list[Any]:
        assert host == "member.example"
        return [(2, more["type"], 6, "", (each, 0)) for each in answers]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    pool = Pool(loop, Deadlines(loop, 1.0), host="member.example", port=port)
    assert await pool.connects(5.0)
    (connection,) = pool._open
    assert connection.address == "127.0.0.1"
    answers[:] = ["127.0.0.2"]
    await pool.refresh()
    await asyncio.sleep(0)
    assert not connection.usable
    server.close()


def test_the_requests_pool_follows_it_to_the_other_endpoint() -> None:
    _, pools = service(2)
    request: Outgoing = outgoing(pools[0], Hearing())
    pools[0]._unreachable(request, "nobody there")
    connection, _ = pools[1].connect()
    connection.carry(request)
    feed(connection, b"SPAM\r\n\r\n")
    assert (pools[0].ejection.failures, pools[1].ejection.failures) == (1, 1)
