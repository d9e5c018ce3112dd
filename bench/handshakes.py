"""Short connections: calls on new connections beside calls on connections that are kept.

Each has a full or a resumed TLS handshake.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.documents import BALANCES_PATH
from bench.load_process import Load, Outcome, load
from bench.measurements import Runs, failures, figures, interleaved, measured, prefixed, ratio
from bench.peers import BARE, ENVOY, LUA, WEIR, Target, peers, weir
from bench.processes import resident_bytes
from bench.report import Goal, Result
from bench.stage import staged

ROUNDS = 5
AT_ONCE = 8
SHORT_S = 1.5
KEPT_S = 1.0
CONNECTIONS = 64
LEFT_KIB = 1.0  # on average; a closed connection should leave nothing


def run() -> Result:
    """Interleaved rounds of all four."""
    with staged() as stage, peers(stage, LUA, ENVOY, BARE) as others, ExitStack() as last:
        token = stage.token()
        takes = {}
        for target in (weir(stage), *others):
            kept = last.enter_context(load(stage, target.port, BALANCES_PATH, token))
            short = last.enter_context(load(stage, target.port, BALANCES_PATH, token))
            kept.open(CONNECTIONS)
            kept.call(1.0)
            takes[target.name] = partial(_take, kept, short, target)
        return _result(interleaved(ROUNDS, takes))


def _take(kept: Load, short: Load, target: Target) -> Outcome:
    outcome = measured(partial(kept.call, KEPT_S), target.pids)
    for name, resume in (("full_", False), ("again_", True)):
        before = resident_bytes(target.pids)
        came = measured(partial(short.short, SHORT_S, AT_ONCE, resume=resume), target.pids)
        opened = max(1, came["opened"])
        came["resumed_share"] = came["resumed"] / opened
        came["left_kib_a_connection"] = (resident_bytes(target.pids) - before) / 1024 / opened
        outcome |= prefixed(name, came)
    return outcome


def _result(runs: Runs) -> Result:
    names = [
        f"{kind}{name}"
        for kind in ("", "full_", "again_")
        for name in ("cpu_us_a_call", "p50_us", "p99_us", "memory_mib")
    ]
    more = ("full_left_kib_a_connection", "again_left_kib_a_connection", "again_resumed_share")
    failed = failures(runs, ("failed", "full_failed", "again_failed"))
    left = [each[name] for each in runs[WEIR] for name in more[:2]]
    left_kib = sum(left) / len(left)
    goals = [
        Goal("left by a closed connection", "<= 1", left_kib, "KiB", left_kib <= LEFT_KIB),
        Goal("calls not answered 200", "0", failed, "calls", failed == 0),
    ]
    ratios = {
        f"{name}, weir / {peer}": ratio(runs, WEIR, peer, name)
        for name in ("full_cpu_us_a_call", "again_cpu_us_a_call")
        for peer in (LUA, ENVOY, BARE)
    }
    notes = [
        f"{AT_ONCE} connections at a time, one call on each: full_* with a full handshake, again_* "
        "by a caller that offers its last session; the others keep their connections.",
        "left_kib_a_connection is the growth of resident memory by connections that are closed.",
        "weir resumes no session where certificates are required: a resumed one would carry a "
        "certificate that was verified before. There again_* is a full handshake too.",
    ]
    return Result(figures(runs, [*names, *more]), notes, goals, ratios)
