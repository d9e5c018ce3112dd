"""Cost of a token: weir, whose state is durable, beside oidc-provider, whose state is not.

Both serve TLS, authenticate by `private_key_jwt`, take a DPoP proof with a nonce of theirs, and
sign ES256 JWTs. Two kinds of tokens: client credentials, and a code exchanged for an access token
with the customer's `authorization_details` and a refresh token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from bench.load_process import Outcome, Place, load
from bench.measurements import Runs, failures, figures, interleaved, prefixed, ratio
from bench.oidc_provider import Peer, oidc_provider
from bench.processes import rest, trees_cpu_s
from bench.report import Goal, Result
from bench.stage import staged
from bench.token_issuer import TokenIssuer
from bench.token_requests import Asker, write_requests

ROUNDS = 7
TOKENS = 400  # of each kind, a round
CONNECTIONS = 8
PATIENCE_S = 60.0
REQUIRED, STRETCH = 0.8, 0.5
WEIR, PEER = "weir", "oidc-provider"
KINDS = ("credentials", "code")


class Issuer(Protocol):
    """A server that issues tokens, under measurement."""

    @property
    def asker(self) -> Asker: ...

    def groups(self) -> dict[str, list[int]]: ...

    def codes(self, count: int) -> list[str]: ...


def run() -> Result:
    """Interleaved rounds of both servers."""
    with staged() as stage, oidc_provider(stage) as peer:
        issuers: dict[str, TokenIssuer | Peer] = {WEIR: TokenIssuer.at(stage), PEER: peer}
        takes = {name: partial(take, stage, issuer) for name, issuer in issuers.items()}
        for warming in takes.values():
            warming()
        return _result(interleaved(ROUNDS, takes))


def at_once() -> None:
    """Begin a load without waiting."""


def take(
    stage: Place,
    issuer: Issuer,
    count: int = TOKENS,
    wait: Callable[[], object] = at_once,
) -> Outcome:
    """So many tokens of each kind of one server; `wait` is called when a load could begin."""
    outcome: Outcome = {}
    for kind in KINDS:
        issuer.asker.renew_nonce(stage.root)
        requests: Iterable[bytes]
        if kind == "code":
            requests = map(issuer.asker.exchange, issuer.codes(count))
        else:
            requests = (issuer.asker.credentials() for _ in range(count))
        outcome |= prefixed(f"{kind}_", sent(stage, issuer, requests, wait))
    outcome["cpu_us_a_call"] = outcome["credentials_cpu_us"]
    return outcome


def sent(
    stage: Place,
    issuer: Issuer,
    requests: Iterable[bytes],
    wait: Callable[[], object] = at_once,
) -> Outcome:
    """Measure what the server's processes spend on each, once they have rested.

    On connections of their own, since idle ones are closed in time.
    """
    path = stage.folder / "requests"
    count = write_requests(path, requests)
    groups = issuer.groups()
    with load(stage, int(issuer.asker.issuer.rpartition(":")[2]), "/token", None) as generator:
        generator.open(CONNECTIONS)
        generator.bring(path)
        rest(pid for roots in groups.values() for pid in roots)
        wait()
        before_s = {name: trees_cpu_s(roots) for name, roots in groups.items()}
        outcome = generator.call(PATIENCE_S, count)
        spent_us = {
            name: (trees_cpu_s(roots) - before_s[name]) * 1e6 / count
            for name, roots in groups.items()
        }
    outcome["cpu_us"] = sum(spent_us.values())
    return outcome | {f"{name}_cpu_us": spent for name, spent in spent_us.items()}


def _result(runs: Runs) -> Result:
    parts = ("", "control_", "gateway_", "postgres_", "valkey_")
    names = [f"{kind}_{part}cpu_us" for kind in KINDS for part in parts]
    names += [f"{kind}_{name}" for kind in KINDS for name in ("calls_per_s", "p50_us", "p99_us")]
    ratios = {
        f"{kind}_{name}, {WEIR} / {PEER}": ratio(runs, WEIR, PEER, f"{kind}_{name}")
        for kind in KINDS
        for name in ("cpu_us", "p99_us")
    }
    goals = []
    for kind in KINDS:
        beside = ratios[f"{kind}_cpu_us, {WEIR} / {PEER}"].median
        for name, most in (("", REQUIRED), (", stretch", STRETCH)):
            goals.append(
                Goal(f"CPU a {kind} token{name}", f"<= {most}", beside, "ratio", beside <= most)
            )
    failed = failures(runs, [f"{kind}_failed" for kind in KINDS])
    goals.append(Goal("tokens not issued", "0", failed, "tokens", failed == 0))
    return Result(figures(runs, names), _notes(), goals, ratios)


def _notes() -> list[str]:
    return [
        f"{TOKENS} tokens of each kind a round, closed loop on {CONNECTIONS} TLS connections, "
        "every request with an assertion and a proof of its own, made before. Each part begins "
        "when the server is done with what came before, the making of codes too.",
        "cpu_us is user and system time of all processes that take part: weir's gateway, control, "
        "PostgreSQL and Valkey with all their background work; oidc-provider's one process.",
        "weir keeps grants in PostgreSQL, synced at the commit, and replay marks in Valkey with "
        "its append-only file on; oidc-provider keeps everything in a Map.",
    ]
