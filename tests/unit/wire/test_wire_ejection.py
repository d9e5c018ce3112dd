"""When an endpoint is ejected, for how long, and how it returns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.wire.declares import (
    ENDPOINT_EJECTION_MAX_S,
    ENDPOINT_EJECTION_S,
    ENDPOINT_FAILURES,
    HEALTH_FAILURES,
)
from weir.wire.ejection import Ejection


def ejected(now_s: float = 0.0) -> Ejection:
    endpoint = Ejection()
    for _ in range(ENDPOINT_FAILURES):
        endpoint.failed(now_s)
    return endpoint


def test_failures_in_a_row_eject() -> None:
    endpoint = Ejection()
    told = [endpoint.failed(0.0) for _ in range(ENDPOINT_FAILURES)]
    assert told == [False] * (ENDPOINT_FAILURES - 1) + [True]
    assert endpoint.out


def test_an_answer_between_them_forgives_what_was_before() -> None:
    endpoint = Ejection()
    for _ in range(10):
        for _ in range(ENDPOINT_FAILURES - 1):
            assert not endpoint.failed(0.0)
        endpoint.succeeded()
    assert not endpoint.out


def test_an_answer_still_on_its_way_does_not_bring_it_back() -> None:
    endpoint = ejected()
    endpoint.succeeded()
    assert endpoint.out


def test_it_is_checked_when_its_time_is_over_and_not_before() -> None:
    endpoint = ejected(100.0)
    assert not endpoint.check_is_due(100.0 + ENDPOINT_EJECTION_S - 0.1)
    assert endpoint.check_is_due(100.0 + ENDPOINT_EJECTION_S)
    assert endpoint.left_s(105.0) == ENDPOINT_EJECTION_S - 5


def test_who_passes_the_check_is_on_probation() -> None:
    endpoint = ejected()
    endpoint.checked(True, 20.0)
    assert not endpoint.out
    assert endpoint.failed(21.0)
    assert endpoint.out
    endpoint.checked(True, 60.0)
    endpoint.succeeded()
    assert not endpoint.failed(61.0)


def test_failed_checks_in_a_row_eject_whatever_is_answered_between_them() -> None:
    endpoint = Ejection()
    told = []
    for _ in range(HEALTH_FAILURES):
        endpoint.succeeded()
        told.append(endpoint.checked(False, 0.0))
    assert told == [False] * (HEALTH_FAILURES - 1) + [True]
    assert endpoint.out


def test_a_passed_check_forgives_the_failed_ones_before() -> None:
    endpoint = Ejection()
    for _ in range(10):
        for _ in range(HEALTH_FAILURES - 1):
            assert not endpoint.checked(False, 0.0)
        assert not endpoint.checked(True, 0.0)
    assert not endpoint.out


@pytest.mark.parametrize("times", [1, 2, 3, 10, 1_000])
def test_each_failed_check_doubles_the_time_up_to_a_bound(times: int) -> None:
    endpoint = ejected()
    for _ in range(times):
        endpoint.checked(False, 0.0)
    doubled = ENDPOINT_EJECTION_S * 2 ** min(times, 20)
    assert endpoint.left_s(0.0) == min(doubled, ENDPOINT_EJECTION_MAX_S)


@given(st.lists(st.sampled_from(["failed", "succeeded", "passed", "not passed"]), max_size=60))
def test_it_is_never_out_for_ever(happened: list[str]) -> None:
    endpoint = Ejection()
    for now_s, what in enumerate(happened):
        if what == "failed":
            endpoint.failed(float(now_s))
        elif what == "succeeded":
            endpoint.succeeded()
        elif endpoint.check_is_due(float(now_s)):
            endpoint.checked(what == "passed", float(now_s))
    late_s = len(happened) + float(ENDPOINT_EJECTION_MAX_S)
    assert not endpoint.out or endpoint.check_is_due(late_s)
