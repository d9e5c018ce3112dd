"""What rounds say together, and that two are done at the same time or not at all."""

from __future__ import annotations

import math
from threading import Barrier
from typing import Any

import pytest
from bench.against.comparison import Compared, Round, together, turn
from bench.against.measures import Wait
from bench.against.trees import tree_of
from hypothesis import given
from hypothesis import strategies as st

TURNS = st.lists(st.tuples(st.floats(1, 1_000), st.floats(1, 1_000)), min_size=1, max_size=9)


def round_of(turns: list[tuple[float, float]]) -> Round:
    """A round with these figures of either side."""
    return Round([{"us": one} for one, _ in turns], [{"us": other} for _, other in turns])


def test_a_turn_far_off_moves_a_round_little() -> None:
    turns = [(101, 100), (102, 100), (103, 100), (102, 100), (300, 100)]
    assert 1.02 <= round_of(turns).ratio("us") <= 1.03


def test_what_meets_both_sides_of_a_turn_is_not_seen() -> None:
    calm, busy = round_of([(51, 50)] * 3), round_of([(51, 50), (102, 100), (510, 500)])
    assert busy.ratio("us") == pytest.approx(calm.ratio("us"))


@given(TURNS)
def test_changing_sides_turns_the_ratio_over(turns: list[tuple[float, float]]) -> None:
    other = round_of([(theirs, ours) for ours, theirs in turns])
    assert round_of(turns).ratio("us") == pytest.approx(1 / other.ratio("us"))


def test_failures_of_both_sides_count() -> None:
    found = Round([{"failed": 1}, {"failed": 0}], [{"failed": 2}, {"failed": 0}])
    assert found.failed(["failed"]) == 3


def test_rounds_are_compared_by_their_ratios() -> None:
    rounds = [round_of([(weight * 1.02, weight)]) for weight in range(1, 11)]
    found = Compared.of(rounds, "us")
    assert (found.ours, found.theirs) == pytest.approx((5.5 * 1.02, 5.5))
    assert (found.interval.low, found.interval.high) == pytest.approx((1.02, 1.02))
    assert all(math.isclose(each, 1.02) for each in found.ratios)


def test_works_are_done_at_the_same_time() -> None:
    meeting = Barrier(2)
    assert sorted(together({"a": meeting.wait, "b": meeting.wait}).values()) == [0, 1]


def test_who_fails_before_a_turn_keeps_nobody_waiting() -> None:
    def fails(_: Wait) -> dict[str, Any]:
        raise LookupError("nothing there")

    def waits(wait: Wait) -> dict[str, Any]:
        wait()
        return {}

    with pytest.raises(LookupError, match="nothing there"):
        turn({"a": fails, "b": waits})


def test_a_commit_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="There is no commit no-such-commit"):
        tree_of("no-such-commit")
