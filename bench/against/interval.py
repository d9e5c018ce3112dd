"""The ratio of two trees from rounds in which both were measured, and how sure it is.

The estimate is that of Hodges and Lehmann: the median of the means of all pairs of rounds, on the
logarithms of the ratios. The interval is the set of ratios that Wilcoxon's signed-rank test does
not reject (M. Hollander, D. A. Wolfe, E. Chicken: Nonparametric Statistical Methods, sections 3.2
and 3.3). It is exact for any distribution that is symmetric, as a logarithm's is when the order of
the two is drawn by lot, and a round that something else disturbed counts by its rank alone.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

CONFIDENCE: Final = 0.95
LEAST_ROUNDS: Final = 6  # with fewer no interval is that sure


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio, and what it lies between."""

    ratio: float
    low: float
    high: float

    def is_beyond(self, limit: float) -> bool:
        """Whether all of it lies above a limit."""
        return self.low > limit


def interval(ratios: Sequence[float]) -> Interval:
    """The ratio that rounds speak for. ValueError for fewer than `LEAST_ROUNDS`."""
    if len(ratios) < LEAST_ROUNDS:
        raise ValueError(f"an interval takes {LEAST_ROUNDS} rounds, and there are {len(ratios)}")
    means = _means(ratios)
    left_out = critical(len(ratios))
    chosen = (statistics.median(means), means[left_out], means[-1 - left_out])
    return Interval(*(math.exp(each) for each in chosen))


def middle(ratios: Sequence[float]) -> float:
    """The estimate alone, of however few."""
    return math.exp(statistics.median(_means(ratios)))


def _means(ratios: Sequence[float]) -> list[float]:
    """Of all pairs, each with itself too, in their order, as logarithms: Walsh's averages."""
    logs = [math.log(each) for each in ratios]
    return sorted((one + other) / 2 for at, one in enumerate(logs) for other in logs[at:])


def critical(rounds: int) -> int:
    """The largest sum of ranks that is rare enough on one side; -1 when none is.

    As many means lie outside the interval at either end.
    """
    rare = (1 - CONFIDENCE) / 2 * 2**rounds
    sums = accumulate(_ways(rounds))
    return next(total for total, ways in enumerate(sums) if ways > rare) - 1


def _ways(rounds: int) -> list[int]:
    """In how many ways some of the ranks 1 to `rounds` add up to 0, 1, 2 and so on."""
    ways = [1]
    for rank in range(1, rounds + 1):
        taken = [0] * rank + ways
        ways = [left + more for left, more in zip(ways + [0] * rank, taken, strict=True)]
    return ways
