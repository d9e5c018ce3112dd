"""Bodies of 1 MB streamed to the member and from it: throughput, CPU, and how much is held.

What is held must not hang on the length of a body, so it is measured once more with longer ones.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.documents import LARGE_PATH
from bench.load_process import Load, Outcome, load
from bench.measurements import Runs, failures, figures, interleaved, measured, prefixed, ratio
from bench.peers import BARE, WEIR, Target, peers, weir
from bench.processes import forget_peak, peak_bytes, resident_bytes
from bench.report import Goal, Result
from bench.stage import Stage, staged

ROUNDS = 7
CONNECTIONS = 32
SECONDS = 1.5
LONGER = 8  # times 1 MiB; the platform takes bodies of up to 10
LONGER_S = 2.0
MOST_GROWTH = 1.25
MIB = 2**20


def run() -> Result:
    """Interleaved rounds of weir and bare nginx."""
    with staged() as stage, peers(stage, BARE) as others, ExitStack() as last:
        token = stage.plain_token()
        takes, longer = {}, {}
        for target in (weir(stage), *others):
            before = resident_bytes(target.pids)
            pair = _pair(last, stage, target, token, 1)
            takes[target.name] = partial(_take, pair, target, before)
            longer[target.name] = partial(_longer, last, pair, stage, target, token, before)
        runs = interleaved(ROUNDS, takes)
        for name, take in longer.items():
            held = take()
            for outcome in runs[name]:
                outcome |= held
        return _result(runs)


def _pair(last: ExitStack, stage: Stage, target: Target, token: str, mib: int) -> tuple[Load, Load]:
    """Generators that get and that send bodies of so many MiB."""
    path = LARGE_PATH.removesuffix("1") + str(mib)
    down = last.enter_context(load(stage, target.port, path, token))
    sent = ("--body-bytes", str(mib * MIB))
    up = last.enter_context(load(stage, target.port, path, token, *sent))
    for generator in (down, up):
        generator.open(CONNECTIONS)
    return down, up


def _take(pair: tuple[Load, Load], target: Target, before_bytes: int) -> Outcome:
    outcome: Outcome = {}
    for name, generator in zip(("down_", "up_"), pair, strict=True):
        forget_peak(target.pids)
        came = measured(partial(generator.call, SECONDS), target.pids)
        came["mib_per_s"] = came["calls_per_s"]
        came["held_mib"] = (peak_bytes(target.pids) - before_bytes) / MIB
        outcome |= prefixed(name, came)
    outcome["cpu_us_a_call"] = outcome["down_cpu_us_a_call"]
    return outcome


def _longer(
    last: ExitStack,
    shorter: tuple[Load, Load],
    stage: Stage,
    target: Target,
    token: str,
    before_bytes: int,
) -> Outcome:
    """The same number of connections, new ones, with bodies of LONGER MiB."""
    for generator in shorter:
        generator.close()
    pair = _pair(last, stage, target, token, LONGER)
    forget_peak(target.pids)
    outcomes = [generator.call(LONGER_S) for generator in pair]
    held = (peak_bytes(target.pids) - before_bytes) / MIB
    return {"longer_held_mib": held, "longer_failed": sum(each["failed"] for each in outcomes)}


def _result(runs: Runs) -> Result:
    names = [
        f"{way}{name}"
        for way in ("down_", "up_")
        for name in ("mib_per_s", "cpu_us_a_call", "p50_us", "p99_us", "held_mib")
    ]
    failed = failures(runs, ("down_failed", "up_failed", "longer_failed"))
    held = max(each[name] for each in runs[WEIR] for name in ("down_held_mib", "up_held_mib"))
    growth = runs[WEIR][0]["longer_held_mib"] / held
    goals = [
        Goal(
            f"held with bodies of {LONGER} MiB, beside 1 MiB",
            f"<= {MOST_GROWTH}",
            growth,
            "ratio",
            growth <= MOST_GROWTH,
        ),
        Goal("calls not answered 200", "0", failed, "calls", failed == 0),
    ]
    ratios = {
        f"{name}, weir / {BARE}": ratio(runs, WEIR, BARE, name)
        for name in ("down_mib_per_s", "up_mib_per_s", "down_cpu_us_a_call", "up_cpu_us_a_call")
    }
    notes = [
        f"{CONNECTIONS} connections in each direction, one direction at a time; the member gives "
        "1 MiB (down_*), or reads 1 MiB whole before it answers (up_*).",
        "held_mib is the peak of resident memory over that of the target before a connection was "
        f"open, so it holds the connections too; longer_held_mib is with {LONGER} MiB on "
        "as many connections. nginx streams requests as weir does.",
    ]
    return Result(figures(runs, [*names, "longer_held_mib"]), notes, goals, ratios)
