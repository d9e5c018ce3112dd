"""Findings of a comparison: as JSON, as a table, and whether a limit is broken."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.against.comparison import Compared, Comparison
from bench.against.interval import CONFIDENCE
from bench.report import RESULTS, Goal, circumstances, shortened


@dataclass(slots=True)
class Found:
    """All figures of one comparison, and the limit that some of them should keep."""

    comparison: Comparison
    limit: float | None
    compared: dict[str, Compared] = field(init=False)  # by name, those with a limit first
    failed: int = field(init=False)  # calls not answered 200

    def __post_init__(self) -> None:
        measure, rounds = self.comparison.measure, self.comparison.rounds
        names = (*measure.limited, *measure.shown)
        self.compared = {name: Compared.of(rounds, name) for name in names}
        self.failed = sum(each.failed(measure.failed) for each in rounds)

    @property
    def goals(self) -> list[Goal]:
        """Goals: every call is answered, and no whole interval lies beyond a limit."""
        goals = [Goal("calls not answered 200", "0", self.failed, "calls", self.failed == 0)]
        for name, each in self.compared.items():
            limit = self._limit(name)
            if limit is not None:
                ratio, met = each.interval.ratio, not each.interval.is_beyond(limit)
                goals.append(Goal(f"{name}, this / against", f"<= {limit:g}", ratio, "ratio", met))
        return goals

    def _limit(self, name: str) -> float | None:
        return self.limit if name in self.comparison.measure.limited else None

    def write(self, name: str) -> Path:
        """Into `bench/results/NAME.against.json`."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{name}.against.json"
        told = {
            **circumstances(),
            "this": self.comparison.ours.tree.commit,
            "against": self.comparison.theirs.tree.commit,
            "rounds": len(self.comparison.rounds),
            "confidence": CONFIDENCE,
            "figures": {
                each: {
                    **asdict(compared.interval),
                    "limit": self._limit(each),
                    "this": compared.ours,
                    "against": compared.theirs,
                    "ratios": compared.ratios,
                }
                for each, compared in self.compared.items()
            },
            "goals": [asdict(each) for each in self.goals],
        }
        path.write_text(json.dumps(told, indent=2) + "\n")
        return shortened(path)

    def show(self) -> None:
        """Print a figure a row."""
        columns = ("figure", "this", "against", "ratio", "low", "high", "limit", "met")
        table = Table(*columns, box=None, pad_edge=False)
        for name, each in self.compared.items():
            found, limit = each.interval, self._limit(name)
            ratios = (f"{value:.4f}" for value in (found.ratio, found.low, found.high))
            judged = ("", "")
            if limit is not None:
                judged = (f"{limit:g}", "no" if found.is_beyond(limit) else "yes")
            table.add_row(name, f"{each.ours:,.1f}", f"{each.theirs:,.1f}", *ratios, *judged)
        ours, theirs = self.comparison.ours.tree, self.comparison.theirs.tree
        console = Console(highlight=False)
        console.print(table)
        console.print(f"  this {ours.commit}, against {theirs.commit}")
        console.print(
            f"  {len(self.comparison.rounds)} rounds; the ratio lies between low and high with "
            f"{CONFIDENCE:.0%}; calls not answered 200: {self.failed}"
        )
