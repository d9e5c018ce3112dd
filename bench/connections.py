"""Many open connections with client certificates, most of them idle, and traffic over all of them.

One gateway process on one core, the load generator and the member on the other. The latency of a
call is measured from its sending; how late the generator sends is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.documents import BALANCES_PATH
from bench.loading import Load, load
from bench.measuring import Runs, figures, measured
from bench.peers import Target, weir
from bench.processes import resident_bytes
from bench.report import Goal, Result
from bench.stage import Stage, staged

SIZES = (12_000, 15_000)
PACES = (1_389.0, 13_890.0)  # 5 and 50 million calls an hour
ROUNDS = 3
SECONDS = 3.0
FEW = 64
# Of what the target can do as fast as it goes: the highest pace at which latency says something.
SUSTAINED_PART = 0.6
P99_GOAL_US = 50_000
ADDED_GOAL_US = 1_000
DIRECT, DIRECT_MOST = "the member itself", "the member itself, closed loop"
_FIGURES = (
    "memory_kib_a_connection",
    "offered_per_s",
    "calls_per_s",
    "cpu_us_a_call",
    "min_us",
    "p50_us",
    "p99_us",
    "late_p99_us",
)


def run() -> Result:
    """All sizes, one on top of the other, and all paces."""
    return _result(measure())


def measure() -> Runs:
    """The runs, by what was open and asked for."""
    with staged() as stage:
        token, target = stage.token(), weir(stage)
        runs = _direct(stage)
        with (
            load(stage, target.port, BALANCES_PATH, token) as many,
            load(stage, target.port, BALANCES_PATH, token) as few,
        ):
            few.open(FEW)
            few.call(1.0)
            for size in SIZES:
                runs |= _take(target, many, few, size, _most(runs))
        return runs


def _most(runs: Runs) -> float:
    """Calls a second that the generator can do, on the core that it shares with the member."""
    return max(each["calls_per_s"] for each in runs[DIRECT_MOST])


def rows(runs: Runs) -> list[dict[str, Any]]:
    """A row a run over many connections, in the order they were made."""
    return [
        {
            "open": each["open"],
            "offered_per_second": each["offered_per_s"],
            "calls_per_second": each["calls_per_s"],
            "errors": each["failed"],
            "p99_ms": each["p99_us"] / 1000,
            "kb_per_connection": each["memory_kib_a_connection"],
        }
        for label, outcomes in runs.items()
        if label not in (DIRECT, DIRECT_MOST)
        for each in outcomes
    ]


def _direct(stage: Stage) -> Runs:
    """The member, asked without anything between: the least time, and the most the generator can
    do on the core it shares with the member.
    """
    with load(stage, stage.member_port, BALANCES_PATH, None) as generator:
        generator.open(FEW)
        paced = [generator.pace(PACES[0], SECONDS) for _ in range(ROUNDS)]
        closed = [generator.call(SECONDS) for _ in range(ROUNDS)]
    for each in paced:
        each["offered_per_s"] = PACES[0]
    return {DIRECT: paced, DIRECT_MOST: closed}


def _take(target: Target, many: Load, few: Load, size: int, most_per_s: float) -> Runs:
    before = resident_bytes(target.pids)
    held = many.held
    opened = many.open(size)
    grown_kib = (resident_bytes(target.pids) - before) / 1024 / (size - held)
    print(f"  {target.name}: {size} open, {grown_kib:.1f} KiB each", flush=True)
    few.call(0.5)
    able = few.call(1.5)["calls_per_s"]
    runs: Runs = {}
    for name, pace in _paces(able, most_per_s):
        label = f"{size:,} open, {name}"
        runs[label] = []
        for _ in range(1 if pace > able else ROUNDS):
            outcome = measured(partial(many.pace, pace, SECONDS), target.pids)
            outcome["open"] = size
            outcome["offered_per_s"] = pace
            outcome["memory_kib_a_connection"] = grown_kib
            outcome["failed"] += opened["failed"]
            runs[label].append(outcome)
            print(f"  {label}: {_told(outcome)}", flush=True)
    return runs


def _paces(able_per_s: float, most_per_s: float) -> Iterator[tuple[str, float]]:
    """The slow one, the highest that can be sustained, and the fast one, or as much of it as the
    generator can."""
    slow, fast = PACES
    yield f"{slow:,.0f}/s", slow
    sustained = round(able_per_s * SUSTAINED_PART, -2)
    if sustained < fast:
        yield "sustained", sustained
    if fast <= most_per_s:
        yield f"{fast:,.0f}/s", fast
    else:
        yield "as much as the generator can", round(most_per_s, -2)


def _told(outcome: dict[str, Any]) -> str:
    """The figures of a run, and how calls failed: by status, or with the connection."""
    ways = {status: n for status, n in outcome["statuses"].items() if int(status) != 200}
    if outcome["broken"]:
        ways["broken"] = outcome["broken"]
    return (
        f"{outcome['calls_per_s']:.0f} calls/s, p99 {outcome['p99_us'] / 1000:.1f} ms, "
        f"{outcome['failed']} failed" + (f" {ways}" if ways else "")
    )


def _result(runs: Runs) -> Result:
    found = figures(runs, _FIGURES)
    least_us = min(each["min_us"] for each in runs[DIRECT])
    goals = []
    for label, outcomes in runs.items():
        if label in (DIRECT, DIRECT_MOST):
            continue
        p99_ms = found[label]["p99_us"].median / 1000
        failed = sum(each["failed"] for each in outcomes)
        goals.append(Goal(f"p99, {label}", "< 50", p99_ms, "ms", p99_ms < P99_GOAL_US / 1000))
        goals.append(Goal(f"failed, {label}", "0", failed, "calls", failed == 0))
        if f"{PACES[0]:,.0f}/s" in label:
            added_ms = (found[label]["min_us"].median - least_us) / 1000
            met = added_ms < ADDED_GOAL_US / 1000
            goals.append(Goal(f"added at least, {label}", "< 1", added_ms, "ms", met))
    return Result(found, _notes(), goals)


def _notes() -> list[str]:
    return [
        "Paces: 1,389 and 13,890 calls a second (5 and 50 million an hour), or, in place of the "
        "latter, as much as the generator can on the core that it shares with the member, which is "
        "what it did in a closed loop on the member itself; and in between "
        f"{SUSTAINED_PART:.0%} of what weir does as fast as it goes on {FEW} more connections "
        "('sustained'). offered_per_s against calls_per_s says what was carried of what was asked.",
        "Generator and member share a core; late_p99_us is how late the generator sent, and the "
        "closed loop on the member itself is the most that this core can do.",
        "memory_kib_a_connection is the growth of resident memory while they were opened. The "
        "machine allows 20,000 descriptors a process.",
    ]
