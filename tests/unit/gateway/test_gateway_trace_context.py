"""W3C Trace Context: strictly read, passed on with a new parent, or begun anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gateway_support import House, sign
from hypothesis import given
from hypothesis import strategies as st

from weir.gateway.declares import TRACES_PER_S, TRACESTATE_CHARACTERS
from weir.gateway.observing import trace_context
from weir.gateway.observing.spans import SpanExporter
from weir.gateway.observing.trace_context import TraceContext

TRACE = b"0af7651916cd43dd8448eb211c80319c"
PARENT = b"b7ad6b7169203331"
GOOD = b"00-%b-%b-01" % (TRACE, PARENT)
NOWHERE = "http://127.0.0.1:9"  # nothing listens on the discard port


def read(*fields: tuple[bytes, bytes]) -> TraceContext | None:
    return trace_context.read(list(fields))


def parent(value: bytes) -> TraceContext | None:
    return read((b"traceparent", value))


def test_a_traceparent_is_read() -> None:
    assert parent(GOOD) == TraceContext(TRACE, PARENT, True, b"")
    assert parent(GOOD[:-1] + b"0") == TraceContext(TRACE, PARENT, False, b"")
    assert parent(GOOD[:-2] + b"03") == TraceContext(TRACE, PARENT, True, b"")


@pytest.mark.parametrize("rest", [b"", b"-", b"-what.the.future-will-be"])
def test_a_later_version_is_read_as_far_as_it_is_known(rest: bytes) -> None:
    assert parent(b"cc" + GOOD[2:] + rest) == TraceContext(TRACE, PARENT, True, b"")


BAD = {
    "nothing": b"",
    "the version that never is": b"ff" + GOOD[2:],
    "more than version 00 has": GOOD + b"-x",
    "a bare end": GOOD + b"-",
    "capital letters": GOOD.upper(),
    "an empty trace": b"00-%b-%b-01" % (b"0" * 32, PARENT),
    "an empty parent": b"00-%b-%b-01" % (TRACE, b"0" * 16),
    "a short trace": b"00-%b-%b-01" % (TRACE[1:], PARENT),
    "a long parent": b"00-%b-%b0-01" % (TRACE, PARENT),
    "no flags": b"00-%b-%b" % (TRACE, PARENT),
    "no number": b"00-%b-%b-0g" % (TRACE, PARENT),
    "a later version without its hyphen": b"cc" + GOOD[2:] + b"x",
    "underscores": GOOD.replace(b"-", b"_"),
    "two in one": GOOD + b"," + GOOD,
    "space within": b"00 -" + GOOD[3:],
    "bytes that are no ASCII": GOOD[:-1] + b"\xb2",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_traceparent_begins_a_new_trace(name: str) -> None:
    assert parent(BAD[name]) is None


def test_two_traceparents_begin_a_new_trace() -> None:
    assert read((b"traceparent", GOOD), (b"traceparent", GOOD)) is None


@given(st.binary(max_size=80))
def test_whatever_is_read_is_one(value: bytes) -> None:
    context = parent(value)
    if context is not None:
        assert re.fullmatch(rb"[0-9a-f]{32}", context.trace_id)
        assert re.fullmatch(rb"[0-9a-f]{16}", context.parent_id)


def state(*values: bytes) -> bytes:
    context = read((b"traceparent", GOOD), *((b"tracestate", value) for value in values))
    assert context is not None
    return context.state


def test_states_are_joined_in_their_order_and_tidied() -> None:
    assert state(b"a=1 , b=2", b",", b"t@v=x/y") == b"a=1,b=2,t@v=x/y"


@pytest.mark.parametrize(
    "value",
    [b"a", b"=1", b"a=", b"A=1", b"a=1,a=2", b"a=1=2", b"a=\xe4", b"a b=1", b"1a=1", b"t@=1"],
)
def test_one_wrong_member_drops_the_state_and_keeps_the_trace(value: bytes) -> None:
    assert state(b"good=1", value) == b""


def test_states_are_bounded_in_number_and_size() -> None:
    assert state(b",".join(b"k%d=1" % at for at in range(20)).replace(b"k", b"a"))
    assert state(b",".join(b"k%d=1" % at for at in range(33))) == b""
    kept = state(b"a=%b,b=%b,c=%b" % (b"x" * 250, b"y" * 250, b"z" * 250))
    assert kept == b"a=%b,b=%b" % (b"x" * 250, b"y" * 250)
    assert len(kept) <= TRACESTATE_CHARACTERS


# --- on the way to the member -------------------------------------------------------------------


def traced(tmp_path: Path, percent: int = 0) -> House:
    house = House(tmp_path)
    house.parts.span_exporter = SpanExporter(NOWHERE, percent)
    return house


def told(house: House, name: bytes) -> list[bytes]:
    head = house.member.written.partition(b"\r\n\r\n")[0]
    return [line for line in head.split(b"\r\n") if line.lower().startswith(name + b":")]


async def test_the_member_gets_the_callers_trace_with_a_new_parent(tmp_path: Path) -> None:
    house = traced(tmp_path)
    house.call("GET", "/rates", None, None, f"Traceparent: {GOOD.decode()}", "Tracestate: a=1")
    (line,) = told(house, b"traceparent")
    found = re.fullmatch(rb"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-01", line)
    assert found is not None
    assert found[1] == TRACE
    assert found[2] not in (PARENT, b"0" * 16)
    assert told(house, b"tracestate") == [b"tracestate: a=1"]


async def test_a_malformed_trace_does_not_reach_the_member(tmp_path: Path) -> None:
    house = traced(tmp_path)
    house.call("GET", "/rates", None, None, "Traceparent: 00-evil", "Tracestate: a=1")
    (line,) = told(house, b"traceparent")
    assert re.fullmatch(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00", line)
    assert told(house, b"tracestate") == []


async def test_every_call_without_a_trace_has_one_of_its_own(tmp_path: Path) -> None:
    house = traced(tmp_path, 100)
    seen = set()
    for _ in range(50):
        house.member.written = b""
        house.call("GET", "/rates", sign_once())
        (line,) = told(house, b"traceparent")
        assert line.endswith(b"-01")
        seen.add(line.split(b"-")[1])
        house.answer(b"HTTP/1.1 204 No\r\n\r\n")
    assert len(seen) == 50


async def test_wishes_to_be_traced_are_bounded(tmp_path: Path) -> None:
    exporter = SpanExporter(NOWHERE, 0)

    class Wishing:
        class request:  # noqa: N801 - stands for an attribute
            fields = [(b"traceparent", GOOD)]  # noqa: RUF012

    sampled = [exporter.begin(Wishing()).sampled for _ in range(10 * TRACES_PER_S)]  # type: ignore[arg-type]
    assert TRACES_PER_S <= sum(sampled) <= 3 * TRACES_PER_S


async def test_without_tracing_the_fields_travel_as_they_came(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("GET", "/rates", None, None, f"Traceparent: {GOOD.decode()}", "Tracestate: a=1")
    assert told(house, b"traceparent") == [b"traceparent: " + GOOD]
    assert told(house, b"tracestate") == [b"tracestate: a=1"]


def sign_once(known: list[str] = []) -> str:  # noqa: B006 - one token for many calls
    if not known:
        from gateway_support import claims

        known.append(sign(claims()))
    return known[0]
