"""One run of a load against a target, with the CPU and memory it cost; and rounds of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.load_process import Outcome
from bench.processes import cpu_s, living, resident_bytes
from bench.report import Spread

Runs = dict[str, list[Outcome]]  # by target


def measured(
    run: Callable[[], Outcome], pids: Iterable[int], **more: Iterable[int]
) -> dict[str, Any]:
    """Return the outcome of `run`, with the target's CPU a call and its memory afterwards.

    `more` names further groups of processes; their CPU a call becomes `NAME_cpu_us_a_call`.
    """
    # Helpers of PostgreSQL's (autovacuum) end when they are done, before a run or during it.
    groups = {"": list(pids), **{f"{name}_": living(group) for name, group in more.items()}}
    before_s = {pid: cpu_s([pid]) for group in groups.values() for pid in group}
    outcome = run()
    calls = max(1, outcome["answered"])
    for name, group in groups.items():
        group[:] = living(group)  # what has ended leaves no figure
        used_s = cpu_s(group) - sum(before_s[pid] for pid in group)
        outcome[f"{name}cpu_us_a_call"] = used_s * 1e6 / calls
    outcome["calls_per_s_a_core"] = 1e6 / max(0.1, outcome["cpu_us_a_call"])
    outcome["memory_mib"] = resident_bytes(groups[""]) / 2**20
    return outcome


def prefixed(prefix: str, outcome: Outcome) -> Outcome:
    """The same figures under names that say which run they are of."""
    return {f"{prefix}{name}": value for name, value in outcome.items()}


def figures(runs: Runs, names: Iterable[str]) -> dict[str, dict[str, Spread]]:
    """Medians with their spread, of the figures named that a target has."""
    chosen = list(names)
    return {
        target: {
            name: Spread.of([float(each[name]) for each in outcomes])
            for name in chosen
            if name in outcomes[0]
        }
        for target, outcomes in runs.items()
    }


def ratio(runs: Runs, ours: str, theirs: str, name: str) -> Spread:
    """Return the ratio of one target's figure to another's in the same round."""
    pairs = zip(runs[ours], runs[theirs], strict=True)
    return Spread.of([one[name] / other[name] for one, other in pairs])


def failures(runs: Runs, names: Iterable[str] = ("failed",)) -> int:
    """Calls of all targets and rounds that were not answered 200."""
    chosen = list(names)
    return sum(each[name] for outcomes in runs.values() for each in outcomes for name in chosen)


def interleaved(rounds: int, takes: Mapping[str, Callable[[], Outcome]]) -> Runs:
    """Every target once a round, beginning with another one each round."""
    names = list(takes)
    runs: Runs = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            outcome = takes[name]()
            runs[name].append(outcome)
            cpu = outcome.get("cpu_us_a_call", 0.0)
            print(f"  round {number + 1}/{rounds} {name}: {cpu:.1f} us CPU a call", flush=True)
    return runs
