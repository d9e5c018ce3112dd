"""Rates by name: what is admitted in any stretch of time, and how many names are remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel import rates
from weir.kernel.rates import Rates


@given(st.lists(st.floats(0, 3), max_size=200))
def test_no_stretch_of_time_admits_more_than_the_rate(pauses_s: list[float]) -> None:
    held, now_s, admitted = Rates(2, 5), 100.0, []
    for pause_s in pauses_s:
        now_s += pause_s
        if held.take_s("one", now_s) == 0:
            admitted.append(now_s)
    for first, began_s in enumerate(admitted):
        for last in range(first, len(admitted)):
            lasted_s = admitted[last] - began_s
            assert last - first + 1 <= 5 + 2 * lasted_s + 1e-6


def test_who_waits_as_long_as_told_is_admitted() -> None:
    held = Rates(0.5, 3)
    assert [held.take_s("one", 10.0) for _ in range(5)] == [0, 0, 0, 2, 2]
    assert held.take_s("other", 10.0) == 0, "each name has a rate of its own"
    assert held.take_s("one", 12.0) == 0


def test_a_hundred_times_as_many_names_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "RATE_NAMES", 10)
    held = Rates(1, 2)
    for number in range(1_000):
        held.take_s(f"name {number}", 5.0)
    assert len(held) == 11, "the ones beyond share one rate"
    assert held.take_s("one more", 5.0) > 0
    assert held.take_s("name 1", 5.0) == 0, "a known name is not held up by the others"
    assert held.take_s("one more", 100.0) == 0, "names that are idle are forgotten"
