"""Trailers and chunk extensions, of requests and of answers: dropped, and bounded however cut."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from http_fuzz import chunked_requests, cut_fault
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_wire_answers import Hearing, MemberPool, outgoing
from wire_support import Taking, Wire, get, ok, post

from weir.wire.declares import CHUNK_UNPAID_BYTES, HEADER_FIELDS, HEADER_SECTION_BYTES
from weir.wire.member_connection import Failure

READ = 16_384
HEAD = post("Transfer-Encoding: chunked")
ANSWER_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
HUNDRED_TIMES = 100 * CHUNK_UNPAID_BYTES


def endless_trailer() -> bytes:
    return b"1\r\na\r\n0\r\nx: " + b"y" * HUNDRED_TIMES


def endless_trailers() -> bytes:
    return b"1\r\na\r\n0\r\n" + b"x: y\r\n" * (HUNDRED_TIMES // 6)


def endless_extension() -> bytes:
    return b"1;" + b"y" * HUNDRED_TIMES


def endless_extensions() -> bytes:
    chunk = b"1;" + b"y" * 1_000 + b"\r\na\r\n"
    return chunk * (HUNDRED_TIMES // len(chunk))


ENDLESS: list[Callable[[], bytes]] = [
    endless_trailer,
    endless_trailers,
    endless_extension,
    endless_extensions,
]


def taken_by_caller(raw: bytes, piece: int) -> tuple[int, Wire, Taking]:
    """Bytes that the wire takes of a request's body before it takes no more."""
    wire, taking, taken = Wire(), Taking(), 0
    wire.feed(HEAD)
    (exchange,) = wire.handler.begun
    exchange.receive(taking, 1 << 30)
    while taken < len(raw) and not exchange.close:
        wire.feed(raw[taken : taken + piece])
        taken += piece
    if not exchange.ended:
        exchange.answer(431, b"", b"")
    return taken, wire, taking


def taken_of_member(raw: bytes, piece: int) -> tuple[int, list[Any], bool]:
    """Bytes taken of a member's answer, the events heard, and whether the connection is cut."""
    pool, hearing, taken = MemberPool(), Hearing(), 0
    connection, transport = pool.connect()
    pool.released(connection)
    pool.send(outgoing(pool, hearing))
    connection.data_received(ANSWER_HEAD)
    while taken < len(raw) and not transport.closed:
        connection.data_received(raw[taken : taken + piece])
        taken += piece
    return taken, hearing.events, transport.aborted


@pytest.mark.parametrize("piece", [1, 1_400, READ])
@pytest.mark.parametrize("endless", ENDLESS)
def test_framing_of_a_request_without_end_is_refused_within_its_bound(
    endless: Callable[[], bytes], piece: int
) -> None:
    raw = endless()[: 40 * CHUNK_UNPAID_BYTES if piece > 1 else 2 * CHUNK_UNPAID_BYTES]
    tracemalloc.start()
    taken, wire, taking = taken_by_caller(raw, piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taking.events[-1] == "headers_too_large"
    assert taken <= CHUNK_UNPAID_BYTES + READ
    assert peak < 8 * CHUNK_UNPAID_BYTES
    assert wire.transport.closed
    assert wire.transport.written.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("piece", [1, 1_400, READ])
@pytest.mark.parametrize("endless", ENDLESS)
def test_framing_of_an_answer_without_end_is_cut_within_its_bound(
    endless: Callable[[], bytes], piece: int
) -> None:
    raw = endless()[: 40 * CHUNK_UNPAID_BYTES if piece > 1 else 2 * CHUNK_UNPAID_BYTES]
    tracemalloc.start()
    taken, events, cut = taken_of_member(raw, piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert events[-1] is Failure.BROKEN
    assert cut
    assert taken <= CHUNK_UNPAID_BYTES + READ
    assert peak < 8 * CHUNK_UNPAID_BYTES


trailer_sizes = st.lists(
    st.one_of(st.integers(1, 40), st.integers(1, HEADER_SECTION_BYTES + 2)),
    max_size=HEADER_FIELDS + 2,
)
pieces = st.sampled_from([500, 1_400, READ, 1 << 20])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(trailer_sizes, pieces, st.integers(0, 3))
def test_trailers_are_bounded_like_header_fields_however_they_are_cut(
    sizes: list[int], piece: int, chunks: int
) -> None:
    lines = b"".join(b"x:%b\r\n" % (b"y" * (size - 1)) for size in sizes)
    raw = b"5\r\nhello\r\n" * chunks + b"0\r\n" + lines + b"\r\n"
    fits = sum(sizes) <= HEADER_SECTION_BYTES and len(sizes) <= HEADER_FIELDS
    _, _, taking = taken_by_caller(raw, piece)
    assert taking.events[-1] == ("end" if fits else "headers_too_large")
    _, events, cut = taken_of_member(raw, piece)
    assert events[-1] == ("end" if fits else Failure.BROKEN)
    assert cut is not fits


@pytest.mark.parametrize("piece", [1, 6, 1_400])
def test_a_byte_a_chunk_pays_for_its_framing(piece: int) -> None:
    raw = b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n"
    assert taken_by_caller(raw, piece)[2].events[-1] == "end"
    assert taken_of_member(raw, piece)[1][-1] == "end"


def test_signed_chunks_pay_for_their_extensions() -> None:
    """As some stores' clients send them: a signature for each chunk of 8 KiB or more."""
    chunk = b"2000;chunk-signature=" + b"a" * 64 + b"\r\n" + b"y" * 8_192 + b"\r\n"
    assert taken_by_caller(chunk * 200 + b"0\r\n\r\n", READ)[2].events[-1] == "end"


def test_nothing_behind_a_refused_trailer_is_read() -> None:
    wire = Wire(ok)
    wire.feed(HEAD + b"0\r\n" + b"x: y\r\n" * (HEADER_FIELDS + 1) + b"\r\n" + get("/smuggled"))
    assert wire.handler.refused == ["headers_too_large"]
    assert wire.handler.begun == []
    assert wire.transport.written.startswith(b"HTTP/1.1 431 ")
    assert wire.transport.closed


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(chunked_requests, pieces)
def test_how_a_chunked_body_is_cut_changes_nothing(raw: bytes, piece: int) -> None:
    assert cut_fault(raw, piece) is None, raw
