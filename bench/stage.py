"""Stage of every benchmark: an installation, a member that answers, and access tokens.

The installation is a real one, with its own PostgreSQL and Valkey and one gateway process. The
member is an nginx that answers over mutual TLS, on the load generator's core.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import nginx
from bench.documents import ACCOUNT, ACCOUNT_ACCESS, BANK, Alliance, mint
from bench.processes import LOAD_CORE, TARGET_CORE, free_ports, pin, tree
from weir.app.core import open_core
from weir.app.settings import Settings
from weir.cli.health import fetch, is_ready, socket_path
from weir.cli.installation import Installation, Role
from weir.keys.authority import Authority
from weir.keys.vault import Vault
from weir.store.unit import Actor, Change

AUDIENCE = "https://api.localhost"
TOKEN_LIFETIME_S = 3_600
_HEARS_WITHIN_S = 1.5  # a gateway pulls changes every second
_LOADS_WITHIN_S = 120.0
_SCOPES = f"{BANK}.accounts {BANK}.quotes {BANK}.papers"

Publish = Callable[[Alliance], list[Change]]


@dataclass(slots=True)
class Stage:
    """Stage that is set up: weir's ports, its callers, and what it published."""

    folder: Path
    installation: Installation
    member_port: int
    alliance: Alliance
    published: list[Change]
    vault: Vault

    @property
    def port(self) -> int:
        """The gateway's port for callers with a certificate."""
        return self.installation.settings.mtls_port

    @property
    def issuer(self) -> str:
        """Issuer of the access tokens."""
        return f"https://auth.localhost:{self.installation.settings.public_port}"

    @property
    def root(self) -> Path:
        """The alliance's root certificate."""
        return self.folder / "root.pem"

    def gateway(self) -> Role:
        """The one gateway process."""
        return next(role for role in self.installation.roles if role.name == "gateway")

    def pids(self, *names: str) -> list[int]:
        """The processes of the roles named."""
        roles = (role for role in self.installation.roles if role.name in names)
        return [role.child.pid for role in roles if role.child is not None]

    def metric(self, name: str) -> float:
        """One metric of the gateway process, with its labels if it has any."""
        told = fetch(socket_path(self.installation.home, self.gateway().label), "/metrics") or ""
        for line in told.splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        raise LookupError(name)

    def log_lines(self) -> int:
        """Count the lines that the gateway process has logged so far."""
        path = self.installation.home.log_path(self.gateway().label)
        return path.read_bytes().count(b"\n")

    def engine_pids(self, *names: str) -> list[int]:
        """Return the processes of the engines named, else of PostgreSQL and Valkey."""
        homes = [self.installation.home.path / name for name in names or ("postgres", "valkey")]
        return [pid for home in homes for pid in _running_in(home)]

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Return the claims of a good access token with a customer's consent, some `changed`."""
        now = int(time.time())
        details = {
            "type": ACCOUNT_ACCESS,
            "member": BANK,
            "permissions": ["ReadAccounts", "ReadBalances"],
            "purpose": "benchmark",
            "expires_at": "2099-01-01T00:00:00+00:00",
            "accounts": [ACCOUNT, "acc-1002"],
        }
        return {
            "iss": self.issuer,
            "sub": "ppid-bench",
            "aud": AUDIENCE,
            "client_id": self.alliance.application,
            "org": self.alliance.partner,
            "iat": now,
            "exp": now + TOKEN_LIFETIME_S,
            "jti": mint("tok"),
            "scope": _SCOPES,
            "cnf": {"x5t#S256": self.alliance.thumbprint},
            "grant_id": self.alliance.consent,
            "record_name": mint("rec"),
            "authorization_details": [details],
            **changed,
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """An access token with these claims, signed with the platform's key."""
        return asyncio.run(self.vault.sign_jwt(claims, "at+jwt"))

    def write_tokens(self, count: int) -> Path:
        """A file of good access tokens, a line each, every one of another customer and consent."""

        async def signed() -> list[str]:
            return [
                await self.vault.sign_jwt(
                    self.claims(sub=secrets.token_urlsafe(16), grant_id=mint("cns")), "at+jwt"
                )
                for _ in range(count)
            ]

        path = self.folder / "tokens"
        path.write_text("\n".join(asyncio.run(signed())) + "\n")
        return path

    def token(self) -> str:
        """A good access token with a customer's consent."""
        return self.sign(self.claims())

    def plain_token(self) -> str:
        """A good access token of an application that acts for itself."""
        claims = self.claims()
        return self.sign({k: v for k, v in claims.items() if k not in _OF_A_CONSENT})

    def restart_gateway(self, meanwhile: Callable[[], None]) -> float:
        """Stop the gateway, do something, and start it again, so that it loads all there is.

        Returns how many seconds the start took.
        """
        role = self.gateway()
        assert role.child is not None
        role.child.end()
        meanwhile()
        role.not_before_s = 0.0
        began_s = time.monotonic()
        self.installation.restart_dead()
        while not is_ready(self.installation.home, role.label):
            if time.monotonic() > began_s + _LOADS_WITHIN_S:
                raise RuntimeError("the gateway was not ready in time")
            time.sleep(0.02)
        took_s = time.monotonic() - began_s
        pin(self.pids("gateway"), TARGET_CORE)
        return took_s


_OF_A_CONSENT = frozenset({"grant_id", "record_name", "authorization_details"})


@contextmanager
def staged(publish: Publish = Alliance.changes) -> Iterator[Stage]:
    """An installation, and the member, for as long as the context lasts."""
    nginx.require()
    folder = Path(tempfile.mkdtemp(prefix="weir-bench-", dir="/tmp"))
    folder.chmod(0o755)  # nginx's workers run as another user
    public, mtls, member = free_ports(3)
    settings = Settings(public_port=public, mtls_port=mtls, gateway_processes=1)
    installation = Installation(settings, home_path=folder / "home")
    with ExitStack() as last:
        last.callback(shutil.rmtree, folder)
        print("  starting an installation and its member", flush=True)
        installation.start(lambda _: None)
        last.callback(installation.stop)
        stage = asyncio.run(_set_up(installation, folder, member, publish))
        running = nginx.start(folder, "member", member, pad="x" * 221)
        last.callback(nginx.stop, running)
        _place(stage, running.pid)
        time.sleep(_HEARS_WITHIN_S)
        yield stage


def _place(stage: Stage, member: int) -> None:
    """The gateway alone on its core, all else on the other."""
    pin(stage.pids("gateway"), TARGET_CORE)
    pin([*tree(member), *stage.pids("control", "worker"), *stage.engine_pids()], LOAD_CORE)


async def _set_up(
    installation: Installation, folder: Path, member_port: int, publish: Publish
) -> Stage:
    """Issue certificates and publish the alliance."""
    async with open_core(installation.settings, installation.home) as core:
        authority = await Authority.open(core.database, core.sealing)
        thumbprint = _certificates(authority, folder)
        alliance = Alliance(thumbprint, f"https://127.0.0.1:{member_port}")
        published = publish(alliance)
        async with core.database.unit(Actor("platform", "bench")) as unit:
            for change in published:
                unit.publish(change)
        vault = await Vault.open(core.database, core.sealing)
    return Stage(folder, installation, member_port, alliance, published, vault)


def _certificates(authority: Authority, folder: Path) -> str:
    """Of the caller, of another caller, and of the servers; returns the caller's thumbprint."""
    thumbprint = ""
    servers = ["api.localhost", "127.0.0.1"]
    for name, hosts in (("other", []), ("caller", []), ("server", servers)):
        pair = authority.issue_own(name, hosts)
        (folder / f"{name}.pem").write_text(pair.certificate.pem)
        (folder / f"{name}.key").write_text(pair.key_pem)
        if name == "caller":
            thumbprint = pair.certificate.sha256
    (folder / "root.pem").write_text(authority.root_pem)
    # The member is called by weir's gateway, and by the peers with an ordinary certificate.
    (folder / "callers.pem").write_text(authority.root_pem + authority.gateways_pem)
    return thumbprint


def _running_in(home: Path) -> list[int]:
    """Processes whose working folder or command names `home`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            inside = (entry / "cwd").readlink().is_relative_to(home)
        except OSError:
            continue
        if inside or bytes(home) in command:
            found.append(int(entry.name))
    return found
