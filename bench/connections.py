"""Many open connections with client certificates, most of them idle, and traffic over all of them.

One gateway process on one core; on the other the load generator, the member, and weir's worker and
engines. The latency of a call is measured from its sending, by a generator that must itself be on
time: what is asked for rises until it is not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

from bench.documents import BALANCES_PATH
from bench.load_process import Load, load
from bench.measurements import Runs, figures, measured
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
# A generator that is later than this reads answers as late, and measures itself.
ON_TIME_US = P99_GOAL_US / 5
STEP_PER_S = 500.0
REST_S = 5.0  # in which the worker brings to the lake what a faster run has left
ADDED_GOAL_US = 1_000
DIRECT = "the member itself"
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
            for size in SIZES:
                runs |= _take(target, many, few, size)
        return runs


def rows(runs: Runs) -> list[dict[str, Any]]:
    """A row a run over many connections, in the order they were made."""
    return [
        {
            "open": each["open"],
            "offered_per_second": each["offered_per_s"],
            "calls_per_second": each["calls_per_s"],
            "errors": each["failed"],
            "p99_ms": each["p99_us"] / 1000,
            "generator_late_p99_ms": each["late_p99_us"] / 1000,
            "kb_per_connection": each["memory_kib_a_connection"],
        }
        for label, outcomes in runs.items()
        if label != DIRECT
        for each in outcomes
    ]


def _direct(stage: Stage) -> Runs:
    """The member, asked without anything between: the least time that a call can take."""
    with load(stage, stage.member_port, BALANCES_PATH, None) as generator:
        generator.open(FEW)
        paced = [generator.pace(PACES[0], SECONDS) for _ in range(ROUNDS)]
    for each in paced:
        each["offered_per_s"] = PACES[0]
    return {DIRECT: paced}


def _take(target: Target, many: Load, few: Load, size: int) -> Runs:
    before = resident_bytes(target.pids)
    held = many.held
    opened = many.open(size)
    grown_kib = (resident_bytes(target.pids) - before) / 1024 / (size - held)
    print(f"  {target.name}: {size} open, {grown_kib:.1f} KiB each", flush=True)
    few.close()  # what was idle for long is closed at the other end
    few.open(FEW)
    few.call(1.0)
    able = few.call(1.5)["calls_per_s"]
    runs: Runs = {}
    for name, pace in _paces(able, many):
        label = f"{size:,} open, {name}"
        runs[label] = []
        time.sleep(REST_S)
        for _ in range(ROUNDS):
            outcome = measured(partial(many.pace, pace, SECONDS), target.pids)
            outcome["open"] = size
            outcome["offered_per_s"] = pace
            outcome["memory_kib_a_connection"] = grown_kib
            outcome["failed"] += opened["failed"]
            runs[label].append(outcome)
            print(f"  {label}: {_told(outcome)}", flush=True)
    return runs


def _paces(able_per_s: float, generator: Load) -> Iterator[tuple[str, float]]:
    """The slow one, the highest that can be sustained, and the fast one, or as much of it as the
    generator can."""
    slow, fast = PACES
    yield f"{slow:,.0f}/s", slow
    sustained = round(able_per_s * SUSTAINED_PART, -2)
    if sustained < fast:
        yield "sustained", sustained
    most = _most(generator, min(sustained, fast))
    yield (f"{fast:,.0f}/s" if most == fast else "as much as the generator can"), most


def _most(generator: Load, pace: float) -> float:
    """The highest pace, up to the fast one, at which the generator itself is on time."""
    while pace < PACES[1]:
        higher = min(pace + STEP_PER_S, PACES[1])
        late_us = median(generator.pace(higher, SECONDS)["late_p99_us"] for _ in range(ROUNDS))
        print(f"  {higher:,.0f}/s: the generator is {late_us / 1000:.1f} ms late", flush=True)
        if late_us > ON_TIME_US:
            break
        pace = higher
    return pace


def _told(outcome: dict[str, Any]) -> str:
    """The figures of a run, and how calls failed: by status, or with the connection."""
    ways = {status: n for status, n in outcome["statuses"].items() if int(status) != 200}
    if outcome["broken"]:
        ways["broken"] = outcome["broken"]
    return (
        f"{outcome['calls_per_s']:.0f} calls/s, p99 {outcome['p99_us'] / 1000:.1f} ms "
        f"({outcome['late_p99_us'] / 1000:.1f} late), "
        f"{outcome['failed']} failed" + (f" {ways}" if ways else "")
    )


def _result(runs: Runs) -> Result:
    found = figures(runs, _FIGURES)
    least_us = min(each["min_us"] for each in runs[DIRECT])
    goals = []
    for label, outcomes in runs.items():
        if label == DIRECT:
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
        f"latter, as much as the generator can: the pace rises by {STEP_PER_S:.0f} until its 99th "
        f"percentile of lateness is over {ON_TIME_US / 1000:.0f} ms in most of {ROUNDS} tries; and "
        f"in between {SUSTAINED_PART:.0%} of what weir does as fast as it goes on {FEW} more "
        "connections ('sustained'). offered_per_s against calls_per_s says what was carried of "
        "what was asked. Before each pace everything rests "
        f"{REST_S:g} s.",
        "The generator shares its core with the member and with weir's worker and engines, so what "
        "it can is what that core can; late_p99_us is how late it sent.",
        "memory_kib_a_connection is the growth of resident memory while they were opened. The "
        "machine allows 20,000 descriptors a process.",
    ]
