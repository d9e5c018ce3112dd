"""Rounds in which two trees stand side by side, and what they say of each figure."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.against.interval import LEAST_ROUNDS, Interval, interval
from bench.against.measures import Measure
from bench.against.side import Side
from bench.loading import Outcome

Outcomes = dict[str, float]


@dataclass(frozen=True, slots=True)
class Pair:
    """What one round came to on either side."""

    ours: Outcomes
    theirs: Outcomes

    def ratio(self, name: str) -> float:
        """How this tree's figure stands to that of the other."""
        return self.ours[name] / self.theirs[name]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure over all rounds."""

    ours: float  # medians
    theirs: float
    interval: Interval
    ratios: list[float]

    @classmethod
    def of(cls, pairs: list[Pair], name: str) -> Compared:
        ratios = [pair.ratio(name) for pair in pairs]
        return cls(
            statistics.median(pair.ours[name] for pair in pairs),
            statistics.median(pair.theirs[name] for pair in pairs),
            interval(ratios),
            ratios,
        )


@dataclass(slots=True)
class Comparison:
    """Two sides, measured by lot."""

    measure: Measure
    ours: Side
    theirs: Side
    pairs: list[Pair] = field(default_factory=list)

    def run(self, rounds: int) -> None:
        """So many rounds more; tells of each as it ends."""
        for number, ours_first in enumerate(lots(rounds), 1):
            began_s = time.monotonic()
            self.pairs.append(self._round(ours_first=ours_first))
            took = f"{time.monotonic() - began_s:.0f} s"
            print(f"  round {number}/{rounds}, {took}: {self._so_far()}", flush=True)

    def _round(self, *, ours_first: bool) -> Pair:
        """Fresh processes on both sides; one, the other twice, and the first again."""
        order = (self.ours, self.theirs) if ours_first else (self.theirs, self.ours)
        with ExitStack() as last:
            takes = {side.name: last.enter_context(self.measure.ready(side)) for side in order}
            halves: dict[str, list[Outcome]] = {name: [] for name in takes}
            for side in (*order, *reversed(order)):
                halves[side.name].append(takes[side.name]())
        return Pair(*(self._mean(halves[side.name]) for side in (self.ours, self.theirs)))

    def _mean(self, halves: list[Outcome]) -> Outcomes:
        names = (*self.measure.limited, *self.measure.shown)
        means = {name: statistics.mean(each[name] for each in halves) for name in names}
        means["failed"] = sum(each[name] for each in halves for name in self.measure.failed)
        return means

    def _so_far(self) -> str:
        """The newest round, and what all say together."""
        told = []
        for name in self.measure.limited:
            newest = self.pairs[-1]
            text = f"{name} {newest.ours[name]:.1f} / {newest.theirs[name]:.1f}"
            text += f" = {newest.ratio(name):.3f}"
            if len(self.pairs) >= LEAST_ROUNDS:
                found = interval([pair.ratio(name) for pair in self.pairs])
                text += f", all {found.ratio:.3f} ({found.low:.3f} to {found.high:.3f})"
            told.append(text)
        return "; ".join(told)


def lots(rounds: int) -> Iterator[bool]:
    """Whether this tree begins: by lot, and as often as the other, give or take one round."""
    drawn = [number % 2 == 0 for number in range(rounds)]
    random.shuffle(drawn)
    yield from drawn
