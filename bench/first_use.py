"""First use of a token, its signature checked, beside the path on which its bytes are known."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.documents import BALANCES_PATH
from bench.load_process import Load, Outcome, load
from bench.measurements import Runs, failures, figures, interleaved, measured, prefixed, ratio
from bench.peers import ENVOY, LUA, WEIR, Target, peers, weir
from bench.report import Goal, Result
from bench.stage import staged

ROUNDS = 5
CONNECTIONS = 64
FIRST_CALLS = 2_000  # a round, each with a token of its own
KNOWN_S = 1.5
PATIENCE_S = 30.0


def run() -> Result:
    """Interleaved rounds of weir, nginx + Lua and Envoy."""
    with staged() as stage, peers(stage, LUA, ENVOY) as others, ExitStack() as last:
        tokens = stage.write_tokens(FIRST_CALLS * ROUNDS)
        token = stage.token()
        takes = {}
        for target in (weir(stage), *others):
            known = last.enter_context(load(stage, target.port, BALANCES_PATH, token))
            first = last.enter_context(
                load(stage, target.port, BALANCES_PATH, None, "--tokens", str(tokens))
            )
            for generator in (known, first):
                generator.open(CONNECTIONS)
            known.call(1.0)
            takes[target.name] = partial(_take, known, first, target)
        return _result(interleaved(ROUNDS, takes))


def _take(known: Load, first: Load, target: Target) -> Outcome:
    outcome = measured(lambda: known.call(KNOWN_S), target.pids)
    fresh = measured(lambda: first.call(PATIENCE_S, FIRST_CALLS), target.pids)
    added = fresh["cpu_us_a_call"] - outcome["cpu_us_a_call"]
    return {**outcome, **prefixed("first_", fresh), "added_us_a_first_use": added}


def _result(runs: Runs) -> Result:
    names = (
        "cpu_us_a_call",
        "first_cpu_us_a_call",
        "added_us_a_first_use",
        "first_calls_per_s_a_core",
        "memory_mib",
        "first_memory_mib",
    )
    failed = failures(runs, ("failed", "first_failed"))
    goals = [Goal("calls not answered 200", "0", failed, "calls", failed == 0)]
    ratios = {
        f"{name}, weir / {peer}": ratio(runs, WEIR, peer, name)
        for name in ("first_cpu_us_a_call", "added_us_a_first_use")
        for peer in (LUA, ENVOY)
    }
    notes = [
        f"{FIRST_CALLS} calls a round, each with a token that the target has not seen "
        f"(first_*), beside {KNOWN_S:g} s with one that it knows; {CONNECTIONS} connections.",
        "All verify ES256: weir by OpenSSL through Python's cryptography, nginx + Lua by OpenSSL "
        "through LuaJIT's FFI, Envoy by BoringSSL.",
    ]
    return Result(figures(runs, names), notes, goals, ratios)
