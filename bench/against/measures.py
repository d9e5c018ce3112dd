"""Measures of two trees: the CPU of a call through the gateway, and that of a token.

Each is what the benchmark of the same name measures of weir, with processes that were just started
and have warmed up. A take first prepares what it needs and waits for the other side, so that the
two are measured at the same time.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench import tokens
from bench.against.side import Side, await_answer
from bench.load_process import Outcome, load
from bench.measurements import measured

CONNECTIONS = 64
WARM_S = 1.0
CALLS_S = 1.0
TOKENS = 200  # of each kind, a turn

Wait = Callable[[], object]  # for the other side
Take = Callable[[Wait], Outcome]


@dataclass(frozen=True, slots=True)
class Measure:
    """Preparation of one side for a round, and its figures that are compared."""

    ready: Callable[[Side], AbstractContextManager[Take]]
    limited: tuple[str, ...]  # figures that a limit is for
    shown: tuple[str, ...]
    failed: tuple[str, ...]
    rounds: int
    turns: int  # a round


@contextmanager
def _calls(side: Side) -> Iterator[Take]:
    side.renew("gateway")
    side.place("gateway")
    await_answer(f"the gateway of {side.name}", partial(_is_served, side))
    with load(side, side.port, side.path, side.token) as generator:
        generator.open(CONNECTIONS)
        generator.call(WARM_S)

        gateway, engines = side.pids("gateway"), side.engine_pids()

        def take(wait: Wait) -> Outcome:
            wait()
            outcome = measured(partial(generator.call, CALLS_S), gateway, engines=engines)
            outcome["gateway_cpu_us_a_call"] = outcome["cpu_us_a_call"]
            outcome["cpu_us_a_call"] += outcome["engines_cpu_us_a_call"]
            return outcome

        yield take


def _is_served(side: Side) -> bool:
    """Whether the call that is measured is answered 200."""
    tls = ssl.create_default_context(cafile=side.root)
    tls.load_cert_chain(side.folder / "caller.pem", side.folder / "caller.key")
    tls.check_hostname = False  # the certificate is checked against the root, the name is ours
    connection = http.client.HTTPSConnection("127.0.0.1", side.port, context=tls, timeout=10)
    fields = {"host": f"api.localhost:{side.port}", "authorization": f"Bearer {side.token}"}
    try:
        connection.request("GET", side.path, headers=fields)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def _tokens(side: Side) -> Iterator[Take]:
    side.renew("gateway", "control")
    side.place("gateway", "control", "postgres", "valkey")
    await_answer(f"the authorization server of {side.name}", partial(_gives_nonces, side))
    tokens.take(side, side, TOKENS)
    yield partial(tokens.take, side, side, TOKENS)


def _gives_nonces(side: Side) -> bool:
    try:
        side.asker.renew_nonce(side.root)
    except (OSError, AssertionError):
        return False
    return True


MEASURES: Final = {
    "gateway": Measure(
        _calls,
        limited=("cpu_us_a_call",),
        shown=("gateway_cpu_us_a_call", "engines_cpu_us_a_call"),
        failed=("failed",),
        rounds=25,
        turns=5,
    ),
    "tokens": Measure(
        _tokens,
        limited=tuple(f"{kind}_cpu_us" for kind in tokens.KINDS),
        shown=tuple(
            f"{kind}_{part}_cpu_us" for kind in tokens.KINDS for part in ("control", "gateway")
        ),
        failed=tuple(f"{kind}_failed" for kind in tokens.KINDS),
        rounds=20,
        turns=10,
    ),
}
