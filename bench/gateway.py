"""The same policy by weir, nginx + Lua and Envoy, and no policy by bare nginx, in one run.

Mutual TLS 1.3 on both legs; the token known by its bytes, its expiry and the certificate it is
bound to; application, scope and subscription; a customer's consent (withdrawn? kind, permission,
account, expiry); rate and quota; identity and interaction id to the member; the interaction id to
the caller; one call record a call. `bench/policy_checks.py` sees to it that every target refuses
what the policy refuses before any is measured.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench import connections
from bench.documents import BALANCES_PATH
from bench.load_process import Load, Outcome, load
from bench.measurements import Runs, failures, figures, interleaved, measured, prefixed, ratio
from bench.peers import BARE, ENVOY, LUA, WEIR, Target, peers, weir
from bench.policy_checks import prove
from bench.report import Goal, Result
from bench.stage import Stage, staged

ROUNDS = 7
CONNECTIONS = 64
CLOSED_S = 2.0
PACED_S = 1.5
PACE_PER_S = 1_389  # 5 million calls an hour
WARM_S = 1.0
CPU = "cpu_us_a_call"
_SHORT = {WEIR: "weir", LUA: "nginx_lua", ENVOY: "envoy", BARE: "nginx"}
_FIGURES = (
    CPU,
    "gateway_cpu_us_a_call",
    "engines_cpu_us_a_call",
    "beside_cpu_us_a_call",
    "calls_per_s",
    "calls_per_s_a_core",
    "p50_us",
    "p99_us",
    "paced_cpu_us_a_call",
    "paced_min_us",
    "paced_p50_us",
    "paced_p99_us",
    "memory_mib",
    "generator_us_a_call",
)


def run() -> Result:
    """Interleaved rounds of all four."""
    with staged() as stage, peers(stage, LUA, ENVOY, BARE) as others, ExitStack() as last:
        targets = [weir(stage), *others]
        for target in targets[:-1]:
            prove(stage, target)
        token = stage.token()
        takes = {}
        for target in targets:
            generator = last.enter_context(load(stage, target.port, BALANCES_PATH, token))
            generator.open(CONNECTIONS)
            generator.call(WARM_S)
            takes[target.name] = partial(_take, stage, generator, target)
        runs = interleaved(ROUNDS, takes)
    return _result(runs, connections.measure())


def _take(stage: Stage, generator: Load, target: Target) -> Outcome:
    """As fast as it goes on all connections, then at a pace that everyone can keep."""
    more = {}
    if target.name == WEIR:
        more = {"engines": stage.engine_pids(), "beside": stage.pids("worker", "control")}
    outcome = measured(partial(generator.call, CLOSED_S), target.pids, **more)
    paced = measured(partial(generator.pace, PACE_PER_S, PACED_S), target.pids, **more)
    if target.name == WEIR:
        for each in (outcome, paced):
            each["gateway_cpu_us_a_call"] = each[CPU]
            each[CPU] += each["engines_cpu_us_a_call"]
    return {**outcome, **prefixed("paced_", paced)}


def _result(runs: Runs, over_many: Runs) -> Result:
    wanted = ((LUA, 1.0, "required"), (ENVOY, 0.5, "required"))
    stretch = ((LUA, 0.8, "stretch"), (ENVOY, 0.35, "stretch"), (BARE, 2.2, "stretch"))
    goals = []
    for peer, limit, kind in (*wanted, *stretch):
        found = ratio(runs, WEIR, peer, CPU).median
        name = f"{kind}: CPU a call beside {peer}"
        goals.append(Goal(name, f"<= {limit}", found, "ratio", found <= limit))
    failed = failures(runs, ("failed", "paced_failed"))
    goals.append(Goal("calls not answered 200", "0", failed, "calls", failed == 0))
    ratios = {
        f"{name}, weir / {peer}": ratio(runs, WEIR, peer, name)
        for name in (CPU, "paced_cpu_us_a_call", "paced_p99_us")
        for peer in (LUA, ENVOY, BARE)
    }
    extra = {"targets": _targets(runs), "connections": connections.rows(over_many)}
    return Result(figures(runs, _FIGURES), _notes(), goals, ratios, extra)


def _targets(runs: Runs) -> dict[str, dict[str, float]]:
    """The medians that matter most, by short names: the closed loop on all connections."""
    chosen = {
        "cpu_us_per_call": (CPU, 1),
        "calls_per_second": ("calls_per_s", 1),
        "p50_ms": ("p50_us", 1_000),
        "p99_ms": ("p99_us", 1_000),
        "rss_mb": ("memory_mib", 1),
    }
    found = figures(runs, _FIGURES)
    return {
        short: {
            name: round(found[target][figure].median / unit, 3)
            for name, (figure, unit) in chosen.items()
        }
        for target, short in _SHORT.items()
    }


def _notes() -> list[str]:
    return [
        f"{CONNECTIONS} keep-alive connections; {CLOSED_S:g} s closed loop, then {PACED_S:g} s at "
        f"{PACE_PER_S} calls/s (paced_*). Targets in turn on one core, generator and member on "
        "the other.",
        "CPU is user and system time of the target's own processes, divided by calls answered. "
        "weir's are the gateway, PostgreSQL and Valkey (gateway_*, engines_*). beside_* is worker "
        "and control, which bring the records to the lake; it is not counted in the ratios, since "
        "no peer does such work.",
        "The leg to the member is TLS only: weir takes no member address but https, so there is no "
        "table of plain legs.",
        "weir also chains its records by SHA-256 and checks for revoked tokens and certificates; "
        "the peers do not.",
    ]
