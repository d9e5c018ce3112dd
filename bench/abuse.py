"""Abuse of every door from one address, and how much longer all others wait meanwhile.

Others call through the gateway, fetch tokens, open pages and sign in, at a steady pace that leaves
the platform much room. Each kind of abuse goes on in turn with rest, so that noise of the machine
strikes both; weir has one core, the abuse and all others share the second, the abuse at a lower
priority, since its machine is not theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import ssl
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from bench.abuse_load import KINDS
from bench.documents import BALANCES_PATH
from bench.plain_http import Connection, form_in, request
from bench.processes import LOAD_CORE, pin
from bench.report import Goal, Result, Spread
from bench.stage import Stage, staged
from bench.token_issuer import SCOPE, TokenIssuer, details
from bench.token_requests import Key

ROUNDS = 3
SECONDS = 4.0
BEGINS_S = 4.0  # by then it has what it may do at once, and goes on at the pace that is left to it
PACES = {"call": 50.0, "token": 5.0, "page": 4.0, "sign_in": 0.75}  # a second
TIMES_AT_MOST = 2.0
_ADDRESS = "127.9.0.1"
_NICE = 10
_FORM = "application/x-www-form-urlencoded"
_PASSPHRASE = "calm water clear ink"
_OK, _SEE_OTHER = 200, 303

Times = dict[str, list[float]]  # milliseconds by what was done


@dataclass(slots=True)
class Others:
    """Well-behaved callers and people, each kind on a connection of its own."""

    stage: Stage
    issuer: TokenIssuer
    token: str
    name: str = field(default_factory=lambda: f"p-{secrets.token_hex(4)}")
    failed: int = 0

    async def settle(self, link_secret: str) -> None:
        """Set up a sign-in by a one-time link."""
        async with self._to("portal") as connection:
            path = f"/welcome/{link_secret}"
            page = await connection.ask(request("GET", path, self._host("portal")))
            filled = {"display_name": "Li Hua", "name": self.name, "passphrase": _PASSPHRASE}
            sent = urlencode(form_in(page.body, "passphrase") | filled).encode()
            asked = request(
                "POST", path, self._host("portal"), sent, media_type=_FORM, cookie=page.cookies
            )
            answer = await connection.ask(asked)
            assert answer.status == _SEE_OTHER, answer.body

    async def work(self, seconds: float) -> Times:
        """All kinds at their paces, for so long; how long each took."""
        self.issuer.asker.renew_nonce(self.stage.root)
        times: Times = defaultdict(list)
        doings: dict[str, Callable[[Connection], Awaitable[int]]] = {
            "call": self._call,
            "token": self._token,
            "page": self._page,
            "sign_in": self._sign_in,
        }
        kinds = (self._at_pace(kind, seconds, doing, times) for kind, doing in doings.items())
        await asyncio.gather(*kinds)
        return times

    async def _at_pace(
        self,
        kind: str,
        seconds: float,
        doing: Callable[[Connection], Awaitable[int]],
        times: Times,
    ) -> None:
        """In an open loop: what waits for an earlier one waits in its own time, too."""
        began_s, number = time.perf_counter(), 0
        host = {"call": "api", "token": "auth"}.get(kind, "portal")
        async with self._to(host) as connection:
            while (due_s := number / PACES[kind]) < seconds:
                await asyncio.sleep(max(0.0, began_s + due_s - time.perf_counter()))
                self.failed += await doing(connection)
                times[kind].append((time.perf_counter() - began_s - due_s) * 1_000)
                number += 1

    async def _call(self, connection: Connection) -> int:
        bearer = f"Bearer {self.token}"
        asked = request("GET", BALANCES_PATH, self._host("api"), authorization=bearer)
        return int((await connection.ask(asked)).status != _OK)

    async def _token(self, connection: Connection) -> int:
        return int((await connection.ask(self.issuer.asker.credentials())).status != _OK)

    async def _page(self, connection: Connection) -> int:
        asked = request("GET", "/shelf", self._host("portal"))
        return int((await connection.ask(asked)).status != _OK)

    async def _sign_in(self, connection: Connection) -> int:
        host = self._host("portal")
        page = await connection.ask(request("GET", "/sign-in", host))
        filled = {"name": self.name, "passphrase": _PASSPHRASE}
        sent = urlencode(form_in(page.body, "passphrase") | filled).encode()
        asked = request("POST", "/sign-in", host, sent, media_type=_FORM, cookie=page.cookies)
        return int((await connection.ask(asked)).status != _SEE_OTHER)

    def _port(self, host: str) -> int:
        settings = self.stage.installation.settings
        return settings.mtls_port if host == "api" else settings.public_port

    def _host(self, host: str) -> str:
        return f"{host}.localhost:{self._port(host)}"

    def _to(self, host: str) -> contextlib.AbstractAsyncContextManager[Connection]:
        tls = ssl.create_default_context(cafile=str(self.stage.root))
        if host == "api":
            caller = self.stage.folder / "caller"
            tls.load_cert_chain(f"{caller}.pem", f"{caller}.key")
        return Connection.to(self._port(host), f"{host}.localhost", tls, _ADDRESS)


def run() -> Result:
    """Each kind of abuse in turn with rest, some rounds of it."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[LOAD_CORE]})
    with staged() as stage:
        issuer = TokenIssuer.at(stage)
        others = Others(stage, issuer, stage.token())
        place = _write_place(stage, issuer)
        asyncio.run(others.settle(issuer.parties.link_secret))
        asyncio.run(others.work(SECONDS))  # all connections and caches are warm
        found = {kind: _suffered(kind, others, place) for kind in KINDS}
        return _result(found, others.failed)


@dataclass(slots=True)
class Suffered:
    """The times of others at rest and during one kind of abuse, and what the abuse came to."""

    rest: Times = field(default_factory=lambda: defaultdict(list))
    abuse: Times = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def p99_ms(self, kind: str, *, abused: bool) -> float:
        """The time within which 99 of 100 were done, of all rounds together."""
        values = sorted((self.abuse if abused else self.rest)[kind])
        return values[min(len(values) - 1, int(len(values) * 0.99))]

    def times(self, kind: str) -> float:
        """Return the p99 during the abuse as a multiple of the usual one."""
        return self.p99_ms(kind, abused=True) / self.p99_ms(kind, abused=False)


def _suffered(kind: str, others: Others, place: Path) -> Suffered:
    found = Suffered()
    for _ in range(ROUNDS):
        _add(found.rest, asyncio.run(others.work(SECONDS)))
        abuse = subprocess.Popen(
            ["nice", f"-n{_NICE}", sys.executable, "-m", "bench.abuse_load", kind, str(place)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            pin([abuse.pid], LOAD_CORE)
            time.sleep(BEGINS_S)
            _add(found.abuse, asyncio.run(others.work(SECONDS)))
        finally:
            abuse.send_signal(signal.SIGTERM)
            told, _ = abuse.communicate()
        for name, count in json.loads(told).items():
            found.counts[name] += count
    told_times = ", ".join(f"{each} {found.times(each):.2f}" for each in PACES)
    print(f"  {kind}: {told_times} times the usual p99; {dict(found.counts)}", flush=True)
    return found


def _add(all_times: Times, times: Times) -> None:
    for kind, values in times.items():
        all_times[kind] += values


def _write_place(stage: Stage, issuer: TokenIssuer) -> Path:
    """Write down for the abuse where everything is, and a client of its own."""
    key, settings = Key(), stage.installation.settings
    place = {
        "root": str(stage.root),
        "certificate": str(stage.folder / "other.pem"),
        "key": str(stage.folder / "other.key"),
        "port": settings.public_port,
        "mtls_port": settings.mtls_port,
        "issuer": stage.issuer,
        "client": issuer.another_application("Abuser", key),
        "client_key": key.private_jwk,
        "scope": SCOPE,
        "details": details(),
    }
    path = stage.folder / "abuse.json"
    path.write_text(json.dumps(place))
    return path


def _result(found: dict[str, Suffered], failed: int) -> Result:
    figures: dict[str, dict[str, Spread]] = {}
    goals = []
    for kind, suffered in found.items():
        told = {}
        for each in PACES:
            told[f"{each}_p99_ms"] = Spread.of([suffered.p99_ms(each, abused=False)])
            told[f"{each}_abused_p99_ms"] = Spread.of([suffered.p99_ms(each, abused=True)])
            told[f"{each}_times"] = Spread.of([suffered.times(each)])
        figures[kind] = told
        worst = max(suffered.times(each) for each in PACES)
        met = worst <= TIMES_AT_MOST
        goals.append(
            Goal(f"others' p99 during {kind}", f"<= {TIMES_AT_MOST:g}", worst, "times", met)
        )
    goals.append(Goal("requests of others that failed", "0", failed, "requests", failed == 0))
    usual = {
        each: statistics.median(one.p99_ms(each, abused=False) for one in found.values())
        for each in PACES
    }
    paces = ", ".join(f"{pace:g} {kind}s" for kind, pace in PACES.items())
    notes = [
        f"Others do {paces} a second, each kind in an open loop on one connection; each kind of "
        f"abuse {ROUNDS} rounds of {SECONDS:g} s, {BEGINS_S:g} s after it began, in turn with "
        f"{SECONDS:g} s of rest. A p99 is of all rounds together; `times` is what it is during "
        "the abuse by what it is at rest.",
        "The usual p99 of others, as a median over the kinds of abuse: "
        + ", ".join(f"{kind} {value:.1f} ms" for kind, value in usual.items())
        + ".",
        "Gateway, control and engines have one core; the abuse, the others and the member share "
        f"the second, the abuse at niceness {_NICE}, since its machine is not theirs.",
    ]
    extra = {"abuse": {kind: dict(suffered.counts) for kind, suffered in found.items()}}
    return Result(figures, notes, goals, extra=extra)
