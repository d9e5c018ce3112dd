"""Bounds on the calls in flight: nobody takes the places of others, and every place comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_support import House, application, row, subscription
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from weir.gateway.budgets.concurrency import Concurrency
from weir.gateway.declares import APPLICATION_CALLS_IN_FLIGHT, CALLS_IN_FLIGHT, FAULT_LINES_A_SECOND
from weir.gateway.observing.fault_log import FaultLog
from weir.kernel.outcomes import Refusal
from weir.wire.declares import ENDPOINT_FAILURES

APPLICATIONS = [f"app_{number}" for number in range(6)]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(APPLICATIONS), st.integers(-3_000, 6_000)), max_size=12))
def test_counts_are_those_of_who_is_in_and_never_above_their_bounds(
    steps: list[tuple[str, int]],
) -> None:
    concurrency, inside = Concurrency(), dict.fromkeys(APPLICATIONS, 0)
    for application_id, change in steps:
        for _ in range(change):
            expected = None
            if sum(inside.values()) == CALLS_IN_FLIGHT:
                expected = "overloaded"
            elif inside[application_id] == APPLICATION_CALLS_IN_FLIGHT:
                expected = "concurrency_exceeded"
            assert entered(concurrency, application_id) == expected
            if expected is not None:
                break
            inside[application_id] += 1
        for _ in range(min(-change, inside[application_id])):
            concurrency.leave(application_id)
            inside[application_id] -= 1
        assert concurrency.total == sum(inside.values()) <= CALLS_IN_FLIGHT
        assert max(inside.values()) <= APPLICATION_CALLS_IN_FLIGHT


def entered(concurrency: Concurrency, application_id: str) -> str | None:
    """The refusal's code, or None when it was counted in."""
    try:
        concurrency.enter(application_id)
    except Refusal as refusal:
        return refusal.outcome.code
    return None


def fill(house: House, application_id: str, calls: int) -> None:
    for _ in range(calls):
        house.parts.concurrency.enter(application_id)


async def test_one_applications_calls_leave_room_for_the_others(tmp_path: Path) -> None:
    house = House(tmp_path)
    fill(house, "app_shop", APPLICATION_CALLS_IN_FLIGHT)
    house.call()
    assert house.caller.written.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 1\r\n" in house.caller.written
    assert house.problem["code"] == "concurrency_exceeded"
    assert [record.refusal for record in house.records()] == ["concurrency_exceeded"]
    fill(house, "app_other", 1)
    house.parts.concurrency.leave("app_shop")
    house.caller.written = b""
    house.call()
    assert house.code == "forwarded"


async def test_all_together_have_a_bound_too(tmp_path: Path) -> None:
    house = House(tmp_path)
    each = APPLICATION_CALLS_IN_FLIGHT
    for number in range(CALLS_IN_FLIGHT // each):
        fill(house, f"app_{number}", each)
    house.call()
    assert house.caller.written.startswith(b"HTTP/1.1 503 ")
    assert house.problem["code"] == "overloaded"


async def test_who_may_not_call_hears_that_first_and_nothing_is_taken_from_the_plan(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    fill(house, "app_shop", APPLICATION_CALLS_IN_FLIGHT)
    house.apply(row("subscription", "sub_1", subscription(rate_per_s=0)))
    house.call(path="/nowhere")
    assert house.problem["code"] == "concurrency_exceeded"
    house.apply(row("application", "app_shop", application(status="suspended")))
    house.caller.written = b""
    house.call()
    assert house.problem["code"] == "application_suspended"
    assert house.parts.concurrency.total == APPLICATION_CALLS_IN_FLIGHT


ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.mark.parametrize("end", ["answered", "garbage", "refused", "gone", "member gone"])
async def test_a_place_comes_back_however_the_call_ends(tmp_path: Path, end: str) -> None:
    house = House(tmp_path)
    path = "/nowhere" if end == "refused" else "/rates"
    house.call(path=path)
    during = house.parts.concurrency.total
    if end == "answered":
        house.answer(ANSWER)
    elif end == "garbage":
        house.answer(b"nonsense\r\n\r\n")
    elif end == "gone":
        house.connection.connection_lost(None)
    elif end == "member gone":
        house.answer(b"HTTP/1.1 200 OK\r\ncontent-le")  # so that it is not asked again
        house.member_connection.connection_lost(None)
    assert during == (0 if end == "refused" else 1)
    assert house.parts.concurrency.total == 0
    assert len(house.records()) == 1


async def test_faults_beyond_the_first_of_a_second_are_told_in_one_line() -> None:
    lines, over = FaultLog(), 500
    with capture_logs() as logs:
        for number in range(FAULT_LINES_A_SECOND + over):
            code = "overloaded" if number % 2 else "member_timeout"
            lines.warn("call_refused", code, "why", b"an id")
        lines.next_second()
        lines.warn("call_refused", "overloaded", "why", b"an id")
        lines.next_second()
    assert [line["event"] for line in logs] == [
        *["call_refused"] * FAULT_LINES_A_SECOND,
        "faults_left_out",
        "call_refused",
    ]
    (left_out,) = (line for line in logs if line["event"] == "faults_left_out")
    assert left_out["calls"] == over
    assert left_out["faults"] == {"overloaded": over // 2, "member_timeout": over // 2}


async def test_a_flood_of_calls_to_a_broken_member_costs_the_log_a_few_lines(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    for pool in house.parts.members.services.values():
        for endpoint in pool.origin.pools:
            for _ in range(ENDPOINT_FAILURES):
                endpoint.failed()
    with capture_logs() as logs:
        for _ in range(200):
            house.call()
        house.parts.faults.next_second()
    assert len(logs) == FAULT_LINES_A_SECOND + 1
    assert logs[-1]["faults"] == {"member_unreachable": 200 - FAULT_LINES_A_SECOND}
    assert len(house.records()) == 200
