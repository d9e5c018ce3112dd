"""CPU a call through the gateway, with every check of the first form on, beside bare nginx.

Both take mutual TLS 1.3 from the same load generator and keep TLS connections to the same member
(an nginx that answers a fixed 300 bytes of JSON). nginx forwards and nothing else: no token, no
policy, no record. The two are run in turn, so that a drift of the machine meets both. The call is
one that needs no customer's consent; `bench/gateway.py` measures one that does.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.documents import QUOTE_PATH
from bench.load_process import load
from bench.measurements import Runs, failures, figures, interleaved, measured, ratio
from bench.peers import BARE, WEIR, peers, weir
from bench.report import Goal, Result
from bench.stage import staged

ROUNDS = 5
SECONDS = 4.0
CONNECTIONS = 64
CPU = "cpu_us_a_call"


def run() -> Result:
    """Interleaved rounds of both targets."""
    with staged() as stage, peers(stage, BARE) as others, ExitStack() as last:
        token = stage.plain_token()
        takes = {}
        for target in (weir(stage), *others):
            generator = last.enter_context(load(stage, target.port, QUOTE_PATH, token))
            generator.open(CONNECTIONS)
            generator.call(1.0)
            takes[target.name] = partial(measured, partial(generator.call, SECONDS), target.pids)
        return _result(interleaved(ROUNDS, takes))


def _result(runs: Runs) -> Result:
    beside = ratio(runs, WEIR, BARE, CPU)
    failed = failures(runs)
    names = (CPU, "calls_per_s", "min_us", "p50_us", "p99_us", "memory_mib")
    goals = [
        Goal("cpu beside bare nginx", "<= 3.0", beside.median, "ratio", beside.median <= 3.0),
        Goal("calls not answered 200", "0", failed, "calls", failed == 0),
    ]
    notes = [
        f"{CONNECTIONS} keep-alive connections, {SECONDS:g} s a run, targets in turn.",
        "CPU is user and system time of the target's own processes, divided by calls answered.",
    ]
    return Result(figures(runs, names), notes, goals, {f"{CPU}, weir / nginx": beside})
