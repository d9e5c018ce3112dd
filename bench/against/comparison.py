"""Rounds in which two trees are measured at the same time, and what they say of each figure.

Every round has fresh processes, and some turns. In a turn both sides are called at once, and the
kernel shares one core out between them by the millisecond, so that whatever disturbs one disturbs
the other. How a process happened to be laid out in memory stays with it for its life, which only
another process can tell: so the rounds, not the turns, are what the interval is made of.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import TypeVar

from bench.against.interval import LEAST_ROUNDS, Interval, interval, middle
from bench.against.measures import Measure, Take
from bench.against.side import Side
from bench.load_process import Outcome

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Round:
    """Turns of both sides, and what they came to."""

    ours: list[Outcome]
    theirs: list[Outcome]

    def ratio(self, name: str) -> float:
        """Ratio of this tree's figure to the other's, by all turns."""
        turns = zip(self.ours, self.theirs, strict=True)
        return middle([one[name] / other[name] for one, other in turns])

    def failed(self, names: Iterable[str]) -> int:
        """The sum of these counts, of both sides."""
        return sum(int(each[name]) for each in (*self.ours, *self.theirs) for name in names)


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure over all rounds."""

    ours: float  # medians
    theirs: float
    interval: Interval
    ratios: list[float]

    @classmethod
    def of(cls, rounds: list[Round], name: str) -> Compared:
        ratios = [each.ratio(name) for each in rounds]
        ours = [turn[name] for each in rounds for turn in each.ours]
        theirs = [turn[name] for each in rounds for turn in each.theirs]
        return cls(statistics.median(ours), statistics.median(theirs), interval(ratios), ratios)


@dataclass(slots=True)
class Comparison:
    """Two sides, measured together."""

    measure: Measure
    ours: Side
    theirs: Side
    rounds: list[Round] = field(default_factory=list)

    def run(self, rounds: int) -> None:
        """So many rounds more; tells of each as it ends."""
        for number in range(1, rounds + 1):
            began_s = time.monotonic()
            self.rounds.append(self._round())
            took = f"{time.monotonic() - began_s:.0f} s"
            print(f"  round {number}/{rounds}, {took}: {self._so_far()}", flush=True)

    def _round(self) -> Round:
        """Fresh processes on both sides, made ready together."""
        sides = {"ours": self.ours, "theirs": self.theirs}
        with ExitStack() as last:
            takes = together(
                {
                    name: partial(last.enter_context, self.measure.ready(each))
                    for name, each in sides.items()
                }
            )
            turns = [turn(takes) for _ in range(self.measure.turns)]
        return Round(*([each[name] for each in turns] for name in sides))

    def _so_far(self) -> str:
        """The newest round, and what all say together."""
        told = []
        for name in self.measure.limited:
            text = f"{name} {self.rounds[-1].ratio(name):.3f}"
            if len(self.rounds) >= LEAST_ROUNDS:
                found = Compared.of(self.rounds, name).interval
                text += f", all {found.ratio:.3f} ({found.low:.3f} to {found.high:.3f})"
            told.append(text)
        return "; ".join(told)


def turn(takes: dict[str, Take]) -> dict[str, Outcome]:
    """One take of each, at the same time; when one fails, the other does not wait for it."""
    barrier = Barrier(len(takes))

    def taken(take: Take) -> Outcome:
        try:
            return take(barrier.wait)
        except BaseException:
            barrier.abort()
            raise

    return together({name: partial(taken, take) for name, take in takes.items()})


def together(works: dict[str, Callable[[], Done]]) -> dict[str, Done]:
    """Do all at the same time. Which begins is drawn by lot, and so favours none over many rounds.

    Raises what the first that failed raised, rather than what others raise in consequence.
    """
    names = random.sample(list(works), len(works))
    with ThreadPoolExecutor(len(works)) as pool:
        begun = {name: pool.submit(works[name]) for name in names}
        wait(begun.values())
    failures = [each.exception() for each in begun.values() if each.exception() is not None]
    for failure in sorted(failures, key=lambda each: isinstance(each, BrokenBarrierError)):
        assert failure is not None
        raise failure
    return {name: each.result() for name, each in begun.items()}
