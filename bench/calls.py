"""CPU a call through the gateway, with every check of the first form on, beside bare nginx.

Both take mutual TLS 1.3 from the same load generator and keep TLS connections to the same member
(an nginx that answers a fixed 300 bytes of JSON). nginx forwards and nothing else: no token, no
policy, no record. The two are run in turn, so that a drift of the machine meets both. The target
has one core, the load generator and the member share the other. Needs `nginx` on the PATH.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Goal, Result, Spread
from weir.app.core import open_core
from weir.care.authority import Authority
from weir.care.vault import Vault
from weir.cli.installation import Installation
from weir.kernel import identifiers
from weir.kernel.settings import Settings
from weir.partners.published import ApplicationDocument, OrganisationDocument
from weir.shelf.published import OperationDocument, ProductDocument, SubscriptionDocument
from weir.store.unit import Actor, Change

ROUNDS = 5
SECONDS = 4.0
CONNECTIONS = 64
PATH = "/bench-bank/quotes/v1/quotes/600519"
ANSWER = json.dumps({"quote": "600519", "price": "1688.00", "pad": "x" * 254})


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything set up: where the targets listen and what a caller needs."""

    folder: Path
    installation: Installation
    nginx_port: int
    token: str


def run() -> Result:
    """Interleaved rounds of both targets."""
    if shutil.which("nginx") is None:
        raise SystemExit("This benchmark needs nginx; on Debian: apt-get install nginx-light")
    with _stage() as stage:
        targets = {
            "weir": (stage.installation.settings.mtls_port, _weir_pids(stage)),
            "nginx, bare": (stage.nginx_port, _nginx_pids(stage)),
        }
        for port, pids in targets.values():
            _pin(pids, 1)
            _load(stage, port, 1.0)
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in targets}
        for number in range(ROUNDS):
            for name, (port, pids) in targets.items():
                rounds[name].append(_measure(stage, port, pids))
                cpu = rounds[name][-1]["cpu_us_a_call"]
                print(f"  round {number + 1}/{ROUNDS} {name}: {cpu:.1f} us CPU a call", flush=True)
    return _result(rounds)


def _result(rounds: dict[str, list[dict[str, Any]]]) -> Result:
    names = ("cpu_us_a_call", "calls_per_s", "min_us", "p50_us", "p99_us", "memory_mib")
    figures = {
        target: {name: Spread.of([float(each[name]) for each in runs]) for name in names}
        for target, runs in rounds.items()
    }
    pairs = zip(rounds["weir"], rounds["nginx, bare"], strict=True)
    ratio = Spread.of([ours["cpu_us_a_call"] / bare["cpu_us_a_call"] for ours, bare in pairs])
    failed = sum(each["failed"] for runs in rounds.values() for each in runs)
    goals = [
        Goal("cpu beside bare nginx", "<= 3.0", ratio.median, "ratio", ratio.median <= 3.0),
        Goal("calls not answered 200", "0", failed, "calls", failed == 0),
    ]
    notes = [
        f"{CONNECTIONS} keep-alive connections, {SECONDS:g} s a run, targets in turn.",
        "CPU is user and system time of the target's own processes, divided by calls answered.",
    ]
    return Result(figures, notes, goals, {"cpu_us_a_call, weir / nginx": ratio})


def _measure(stage: Stage, port: int, pids: list[int]) -> dict[str, Any]:
    before_s = _cpu_s(pids)
    outcome = _load(stage, port, SECONDS)
    used_s = _cpu_s(pids) - before_s
    good = int(outcome["statuses"].get("200", 0))
    outcome["failed"] = outcome["answered"] - good + outcome["broken"]
    outcome["cpu_us_a_call"] = used_s / max(1, outcome["answered"]) * 1e6
    outcome["memory_mib"] = sum(_resident_bytes(pid) for pid in pids) / 2**20
    return outcome


def _load(stage: Stage, port: int, seconds: float) -> dict[str, Any]:
    tls = stage.installation.tls
    command = [
        sys.executable, "-m", "bench.load", f"https://api.localhost:{port}{PATH}",
        "--ca", str(tls.root), "--certificate", str(stage.folder / "caller.pem"),
        "--key", str(stage.folder / "caller.key"), "--seconds", str(seconds),
        "--connections", str(CONNECTIONS), "--header", f"authorization: Bearer {stage.token}",
    ]  # fmt: skip
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, preexec_fn=lambda: _pin([0], 0)
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


@contextmanager
def _stage() -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="weir-bench-", dir="/tmp"))
    folder.chmod(0o755)
    ports = _free_ports(4)
    settings = Settings(public_port=ports[0], mtls_port=ports[1], gateway_processes=1)
    installation = Installation(settings, home_path=folder / "home")
    print("  starting the platform and nginx", flush=True)
    installation.start(lambda _: None)
    nginx: list[subprocess.Popen[bytes]] = []
    try:
        token = asyncio.run(_set_up(installation, folder, member_port=ports[2]))
        nginx = [_nginx(folder, "member", _member(ports[2])), _nginx(folder, "bare", _bare(*ports))]
        _pin([*_tree(nginx[0].pid)], 0)
        time.sleep(1.5)  # the gateway hears of the product within a second
        yield Stage(folder, installation, ports[3], token)
    finally:
        for each in nginx:
            each.terminate()
            each.wait()
        installation.stop()
        shutil.rmtree(folder)


async def _set_up(installation: Installation, folder: Path, member_port: int) -> str:
    """One organisation of each kind, one product, one subscription; returns an access token."""
    async with open_core(installation.settings, installation.home) as core:
        authority = await Authority.open(core.database, core.sealing)
        vault = await Vault.open(core.database, core.sealing)
        for name, hosts in (("caller", []), ("server", ["api.localhost", "127.0.0.1"])):
            pair = authority.issue_own(name, hosts)
            (folder / f"{name}.pem").write_text(pair.certificate.pem)
            (folder / f"{name}.key").write_text(pair.key_pem)
            if name == "caller":
                thumbprint = pair.certificate.sha256
        member, partner, application = (_mint(prefix) for prefix in ("org", "org", "app"))
        product, subscription = _mint("prd"), _mint("sub")
        backend = f"https://127.0.0.1:{member_port}"
        documents = {
            ("organisation", member): OrganisationDocument(
                id=member, kind="member", slug="bench-bank", name="Bench Bank", status="active"
            ),
            ("organisation", partner): OrganisationDocument(
                id=partner, kind="partner", slug="bench-app", name="Bench App", status="active"
            ),
            ("application", application): ApplicationDocument(
                id=application, organisation=partner, status="active", certificates=[thumbprint]
            ),
            ("product", product): _product(product, member, backend),
            ("subscription", subscription): SubscriptionDocument(
                id=subscription,
                application=application,
                product=product,
                plan=_mint("pln"),
                status="active",
                rate_per_s=1_000_000,
                quota=None,
                quota_period=None,
            ),
        }
        async with core.database.unit(Actor("platform", "bench")) as unit:
            for (kind, key), document in documents.items():
                unit.publish(Change(kind, key, document))
        return await vault.sign_jwt(
            _claims(installation, application, partner, thumbprint), "at+jwt"
        )


def _claims(
    installation: Installation, application: str, organisation: str, thumbprint: str
) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": f"https://auth.localhost:{installation.settings.public_port}",
        "sub": application,
        "aud": "https://api.localhost",
        "client_id": application,
        "org": organisation,
        "iat": now,
        "exp": now + 3_600,
        "jti": _mint("tok"),
        "scope": "bench-bank.quotes",
        "cnf": {"x5t#S256": thumbprint},
    }


def _product(product: str, member: str, backend: str) -> ProductDocument:
    operation = OperationDocument(
        capability=_mint("cap"),
        operation_id="getQuote",
        method="GET",
        path="/quotes/{instrument_id}",
        member=member,
        backend_url=backend,
        base_path="",
        consent_type=None,
        permission=None,
        moves_money=False,
        bindings=None,
        timeout_ms=5_000,
    )
    return ProductDocument(
        id=product,
        owner=member,
        slug="quotes",
        version=1,
        prefix="/bench-bank/quotes/v1",
        scope="bench-bank.quotes",
        status="published",
        direction="go-out",
        operations=[operation],
    )


def _mint(prefix: str) -> str:
    return identifiers.mint(prefix, time.time_ns() // 1_000_000, os.urandom(10))


_COMMON = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.err;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s;
  client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
  uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
  ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
  ssl_protocols TLSv1.3; ssl_client_certificate {root}; ssl_verify_client on;
  {server}
}}
"""


def _member(port: int) -> str:
    return (
        f"server {{ listen 127.0.0.1:{port} ssl backlog=4096; location / "
        f"{{ default_type application/json; return 200 '{ANSWER}'; }} }}"
    )


def _bare(_public: int, _mtls: int, member_port: int, port: int) -> str:
    return f"""
  upstream member {{ server 127.0.0.1:{member_port}; keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} ssl backlog=4096;
    location / {{ proxy_pass https://member; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_ssl_certificate {{folder}}/caller.pem;
      proxy_ssl_certificate_key {{folder}}/caller.key; proxy_ssl_trusted_certificate {{root}};
      proxy_ssl_verify on; proxy_ssl_protocols TLSv1.3; proxy_ssl_name api.localhost;
      proxy_ssl_session_reuse on; }} }}"""


def _nginx(folder: Path, name: str, server: str) -> subprocess.Popen[bytes]:
    root = folder / "home" / "tls" / "authority.pem"
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "root.pem").write_bytes(root.read_bytes())
    shared = {"folder": folder, "root": folder / "root.pem"}
    server = server.replace("{folder}", str(folder)).replace("{root}", str(shared["root"]))
    path = folder / f"{name}.conf"
    path.write_text(_COMMON.format(name=name, server=server, **shared))
    return subprocess.Popen(["nginx", "-p", str(folder), "-c", str(path)])


def _weir_pids(stage: Stage) -> list[int]:
    return [
        role.child.pid
        for role in stage.installation.roles
        if role.name == "gateway" and role.child is not None
    ]


def _nginx_pids(stage: Stage) -> list[int]:
    return _tree(int((stage.folder / "bare.pid").read_text()))


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def _pin(pids: list[int], core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    for pid in pids:
        os.sched_setaffinity(pid, {cores[core % len(cores)]})


def _cpu_s(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
