"""Findings of a benchmark: figures, goals, the machine and the commit; as JSON and as a table."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some runs, with the smallest and the largest."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing a benchmark should show. `met` is as it is, not as it should be."""

    name: str
    goal: str
    measured: float
    unit: str
    met: bool


@dataclass(slots=True)
class Result:
    """Figures by target and name, ratios between targets, and goals."""

    figures: dict[str, dict[str, Spread]]
    notes: list[str]
    goals: list[Goal] = field(default_factory=list)
    ratios: dict[str, Spread] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)  # further parts of the JSON, by name


def write(name: str, result: Result) -> Path:
    """Write the result and print it as tables."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    found = asdict(result)
    extra = found.pop("extra")
    path.write_text(json.dumps({**circumstances(), **extra, **found}, indent=2) + "\n")
    _print(result)
    return shortened(path)


def shortened(path: Path) -> Path:
    """Return the path as seen from the working folder, when it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def circumstances() -> dict[str, Any]:
    """Return the time, the machine and the commit."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
    }


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=False,
    )
    return asked.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _print(result: Result) -> None:
    console = Console(highlight=False)
    table = Table("target", "figure", "median", "low", "high", "runs", box=None, pad_edge=False)
    for target, figures in result.figures.items():
        for name, spread in figures.items():
            table.add_row(target, name, *_row(spread))
    for name, spread in result.ratios.items():
        table.add_row("ratio", name, *_row(spread))
    console.print(table)
    goals = Table("goal", "wanted", "measured", "unit", "met", box=None, pad_edge=False)
    for goal in result.goals:
        met = "yes" if goal.met else "no"
        goals.add_row(goal.name, goal.goal, f"{goal.measured:,.2f}", goal.unit, met)
    console.print(goals)
    for note in result.notes:
        console.print(f"  {note}")


def _row(spread: Spread) -> list[str]:
    return [f"{value:,.2f}" for value in (spread.median, spread.low, spread.high)] + [
        str(spread.runs)
    ]
