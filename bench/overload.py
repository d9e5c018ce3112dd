"""Far more asked than can be done: 12,000 connections that call again as soon as they are answered.

Beside it stands what the gateway does for 64 connections. A gateway that spends its time on calls
that it then gives up does less than it can; one that refuses what it could have done later does
so, too.
"""

from __future__ import annotations

from bench.documents import BALANCES_PATH
from bench.load_process import Load, Outcome, load
from bench.measurements import Runs, figures
from bench.peers import WEIR, weir
from bench.report import Goal, Result
from bench.stage import Stage, staged

MANY, FEW = 12_000, 64
ROUNDS = 3
SECONDS = 3.0
KEPT_PART = 0.5  # of the calls a second; over so many connections each call meets cold memory
REFUSED_PART = 0.01
_NAMES = (
    "few_per_s",
    "many_per_s",
    "kept",
    "refused",
    "p99_ms",
    "log_lines_a_second",
    "endpoints_ejected",
)


def run() -> Result:
    """Few and many in turn."""
    with staged() as stage:
        target, token = weir(stage), stage.token()
        with (
            load(stage, target.port, BALANCES_PATH, token) as many,
            load(stage, target.port, BALANCES_PATH, token) as few,
        ):
            few.open(FEW)
            few.call(1.0)
            many.open(MANY)
            many.call(1.0)
            outcomes = []
            for number in range(ROUNDS):
                outcomes.append(told := _told(stage, few.call(SECONDS), many))
                print(
                    f"  round {number + 1}/{ROUNDS}: {told['many_per_s']:.0f} of "
                    f"{told['few_per_s']:.0f} calls/s, {told['refused']:.1%} refused",
                    flush=True,
                )
        return _result({WEIR: outcomes})


def _told(stage: Stage, few: Outcome, generator: Load) -> Outcome:
    lines = stage.log_lines()
    many = generator.call(SECONDS)
    good_per_s = (many["answered"] - many["failed"]) / many["seconds"]
    return {
        "few_per_s": few["calls_per_s"],
        "many_per_s": good_per_s,
        "kept": good_per_s / few["calls_per_s"],
        "refused": many["failed"] / max(1, many["answered"] + many["broken"]),
        "p99_ms": many["p99_us"] / 1_000,
        "log_lines_a_second": (stage.log_lines() - lines) / many["seconds"],
        "endpoints_ejected": stage.metric("weir_gateway_endpoints_ejected"),
    }


def _result(runs: Runs) -> Result:
    found = figures(runs, _NAMES)
    ours = found[WEIR]
    kept, refused = ours["kept"].median, ours["refused"].median
    lines, ejected = ours["log_lines_a_second"].high, ours["endpoints_ejected"].high
    goals = [
        Goal("calls a second that are left", f">= {KEPT_PART}", kept, "ratio", kept >= KEPT_PART),
        Goal("calls refused", f"<= {REFUSED_PART}", refused, "ratio", refused <= REFUSED_PART),
        Goal("lines logged", "<= 25", lines, "a second", lines <= 25),
        Goal("healthy endpoints ejected", "0", ejected, "endpoints", ejected == 0),
    ]
    notes = [
        f"A closed loop over {MANY:,} connections ('many') beside one over {FEW} ('few'), each "
        f"{SECONDS:g} s, {ROUNDS} rounds. many_per_s counts answers with 200 only; kept is its "
        "part of few_per_s; refused is the part of all answers that was something else.",
        "The gateway has one core; the generator and the member share the other, which is busier "
        "with many connections, too.",
    ]
    return Result(found, notes, goals)
