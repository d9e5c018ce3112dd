"""Calls with a token bound to a DPoP key, beside calls with one bound to a certificate.

Each of the former brings a new proof; the certificate is the connection's.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.documents import BALANCES_PATH
from bench.load_process import Load, Outcome, load
from bench.measurements import Runs, failures, figures, interleaved, measured, ratio
from bench.report import Goal, Result
from bench.stage import Stage, staged
from weir.client.possession import DpopKey

ROUNDS = 5
CONNECTIONS = 64
CALLS = 2_000  # a round, each with a proof of its own
KNOWN_S = 1.5
PATIENCE_S = 60.0
BOUND, PROVED = "certificate", "DPoP"
CPU = "cpu_us_a_call"


def run() -> Result:
    """Interleaved rounds of both on one gateway."""
    with staged() as stage, ExitStack() as last:
        known = last.enter_context(load(stage, stage.port, BALANCES_PATH, stage.token()))
        known.open(CONNECTIONS)
        known.call(1.0)
        key = DpopKey()
        token = stage.sign(stage.claims(cnf={"jkt": key.thumbprint}))
        takes = {
            BOUND: partial(_known, stage, known),
            PROVED: partial(_proved, stage, key, token),
        }
        return _result(interleaved(ROUNDS, takes))


def _known(stage: Stage, known: Load) -> Outcome:
    return _measured(stage, partial(known.call, KNOWN_S))


def _proved(stage: Stage, key: DpopKey, token: str) -> Outcome:
    """Proofs live a minute, so each round signs its own, and brings them in a new process."""
    port = stage.installation.settings.public_port
    address = f"https://api.localhost:{port}{BALANCES_PATH}"
    path = _write(stage.folder / "proofs", [key.proof("GET", address, token) for _ in range(CALLS)])
    options = ("--proofs", str(path), "--header", f"authorization: DPoP {token}")
    with load(stage, port, BALANCES_PATH, None, *options) as generator:
        generator.open(CONNECTIONS)
        return _measured(stage, partial(generator.call, PATIENCE_S, CALLS))


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def _measured(stage: Stage, run: partial[Outcome]) -> Outcome:
    return measured(run, stage.pids("gateway"), valkey=stage.engine_pids("valkey"))


def _result(runs: Runs) -> Result:
    names = (CPU, f"valkey_{CPU}", "calls_per_s_a_core", "p50_us", "p99_us", "memory_mib")
    failed = failures(runs)
    beside = ratio(runs, PROVED, BOUND, CPU)
    notes = [
        f"The same call through the same gateway, {CONNECTIONS} connections: {BOUND} with a token "
        f"bound to the connection's certificate, {PROVED} on the port without certificates with a "
        f"token bound to a key, {CALLS} calls a round with an ES256 proof of its own each.",
        "Each proof costs a signature check and a SET NX in Valkey, which makes it count once in "
        f"all processes. valkey_{CPU} is what that costs Valkey.",
        "No peer here takes DPoP.",
    ]
    goals = [Goal("calls not answered 200", "0", failed, "calls", failed == 0)]
    return Result(figures(runs, names), notes, goals, {f"{CPU}, {PROVED} / {BOUND}": beside})
