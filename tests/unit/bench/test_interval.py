"""The interval of a ratio: what tables say, what holds for any rounds, how often it is right."""

from __future__ import annotations

import math
import random

import pytest
from bench.against.interval import LEAST_ROUNDS, Interval, critical, interval
from hypothesis import given
from hypothesis import strategies as st

RATIOS = st.lists(st.floats(0.2, 5.0), min_size=LEAST_ROUNDS, max_size=30)


@pytest.mark.parametrize(
    ("rounds", "largest"),
    # Wilcoxon's signed ranks, two-sided at 5%, as any table has them.
    [(5, -1), (6, 0), (7, 2), (8, 3), (10, 8), (15, 25), (20, 52), (25, 89)],
)
def test_critical_sums_are_those_of_the_table(rounds: int, largest: int) -> None:
    assert critical(rounds) == largest


def test_too_few_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="6 rounds, and there are 5"):
        interval([1.0] * (LEAST_ROUNDS - 1))


def test_six_rounds_lie_between_the_smallest_and_the_largest() -> None:
    found = interval([1.0, 1.1, 1.2, 1.3, 1.4, 1.5])
    assert (found.low, found.high) == pytest.approx((1.0, 1.5))


def test_one_round_far_off_moves_little() -> None:
    calm = [1.0 + number / 1_000 for number in range(-9, 10)]
    found = interval([*calm, 3.0])
    assert found.ratio == pytest.approx(1.0, abs=0.002)
    assert found.high < 1.01


@pytest.mark.parametrize(
    ("low", "high", "beyond"), [(1.021, 1.05, True), (1.0, 1.05, False), (0.9, 1.0, False)]
)
def test_a_limit_is_broken_by_the_whole_interval_only(
    low: float, high: float, beyond: bool
) -> None:
    assert Interval((low + high) / 2, low, high).is_beyond(1.02) is beyond


@given(RATIOS)
def test_the_ratio_lies_in_its_interval_and_that_among_the_rounds(ratios: list[float]) -> None:
    found = interval(ratios)
    slack = 1 + 1e-9
    assert min(ratios) / slack <= found.low <= found.ratio * slack
    assert found.ratio <= found.high * slack <= max(ratios) * slack * slack


@given(RATIOS)
def test_changing_sides_turns_the_interval_over(ratios: list[float]) -> None:
    one, other = interval(ratios), interval([1 / each for each in ratios])
    turned = (1 / other.ratio, 1 / other.high, 1 / other.low)
    assert (one.ratio, one.low, one.high) == pytest.approx(turned)


@given(RATIOS, st.floats(0.5, 2.0))
def test_a_factor_of_every_round_is_one_of_the_interval(ratios: list[float], factor: float) -> None:
    one, other = interval(ratios), interval([each * factor for each in ratios])
    scaled = (one.ratio * factor, one.low * factor, one.high * factor)
    assert (other.ratio, other.low, other.high) == pytest.approx(scaled)


@given(RATIOS, st.randoms(use_true_random=False))
def test_the_order_of_the_rounds_does_not_matter(
    ratios: list[float], chance: random.Random
) -> None:
    shuffled = chance.sample(ratios, len(ratios))
    assert interval(shuffled) == interval(ratios)


@pytest.mark.parametrize("rounds", [15, 20])
def test_it_holds_the_truth_as_often_as_it_says(rounds: int) -> None:
    """Of rounds with the noise of a busy machine, one in ten of them far off."""
    chance, tries, held = random.Random(rounds), 2_000, 0
    for _ in range(tries):
        logs = [chance.gauss(0, 0.2 if chance.random() < 0.1 else 0.01) for _ in range(rounds)]
        found = interval([1.02 * math.exp(each) for each in logs])
        held += found.low <= 1.02 <= found.high
    assert 0.94 <= held / tries <= 0.97
