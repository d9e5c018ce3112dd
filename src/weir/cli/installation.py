"""One installation on one machine: its home, engines and roles, started, supervised, stopped.

`weir up` runs one until Ctrl-C; `weir demo` runs one for as long as its story lasts. Both use this
and nothing else, so the demo shows what `weir up` starts. The main thread alone starts children:
the kernel ends them with the thread that started them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from weir.app.core import TlsFiles
from weir.app.preparation import Prepared, prepare
from weir.app.settings import Settings
from weir.cli.declares import ROLE_START_TIMEOUT_S
from weir.cli.health import is_ready
from weir.kernel.declares import PLATFORM_UNAVAILABLE
from weir.kernel.outcomes import Refusal
from weir.kernel.settings import environment
from weir.store.engines import Child, EmbeddedPostgres, EmbeddedValkey, Home, claim, logs, spawn
from weir.store.engines.process import GENTLE, ProcessView, end_family, list_processes

Tell = Callable[[str], None]

# How the lake's store is reached and who we are there, by the store's own names.
_OF_OBJECT_STORES: Final = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("AWS_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "GOOGLE_APPLICATION_CREDENTIALS"),
)
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "TMPDIR")
_POLL_S: Final = 0.05
_RESTART_PAUSE_S: Final = 1.0


@dataclass(slots=True)
class Role:
    """A process of the platform; `not_before_s` is the monotonic time it may be started again."""

    name: str
    number: int
    child: Child | None = None
    not_before_s: float = 0.0

    @property
    def label(self) -> str:
        return f"{self.name}-{self.number}"


@dataclass(slots=True)
class Installation:
    """A running installation, owned by the process that started it; `stop` ends all of it."""

    settings: Settings
    home_path: Path | None = None
    home: Home = field(init=False)
    prepared: Prepared = field(init=False)
    postgres: EmbeddedPostgres | None = None
    valkey: EmbeddedValkey | None = None
    roles: list[Role] = field(default_factory=list)
    claims: list[socket.socket] = field(default_factory=list)  # on our ports, while we run

    def start(self, tell: Tell) -> None:
        """Start engines, schema, keys, then the roles, and wait until each says it is ready.

        Refusals: HOME_UNUSABLE, PORT_TAKEN, ENGINE_UNAVAILABLE, SCHEMA_NEWER, SETTING_INVALID,
        PLATFORM_UNAVAILABLE; the parts already started are stopped again.
        """
        self.home = Home.open(self.home_path or self.settings.home, create=True)
        self.home.acquire()
        try:
            _end_orphans(self.home)
            for port in (self.settings.public_port, self.settings.mtls_port):
                self.claims.append(claim(self.settings.bind_address, port))
            self._start_engines(tell)
            tell("Bringing the schema, keys and certificates up to date")
            self.prepared = asyncio.run(prepare(self.settings, self.home))
            self._start_roles(tell)
        except BaseException:
            self.stop()
            raise

    @property
    def tls(self) -> TlsFiles:
        return TlsFiles.of(self.home, self.settings)

    def _start_engines(self, tell: Tell) -> None:
        if self.settings.database_url is None:
            tell("Starting PostgreSQL")
            self.postgres = EmbeddedPostgres(self.home)
            self.settings = replace(self.settings, database_url=self.postgres.start())
        if self.settings.valkey_url is None:
            tell("Starting Valkey")
            self.valkey = EmbeddedValkey(self.home)
            self.settings = replace(self.settings, valkey_url=self.valkey.start())

    def _start_roles(self, tell: Tell) -> None:
        counts = {
            "control": self.settings.control_processes,
            "worker": 1,
            "gateway": self.settings.gateway_processes,
        }
        self.roles = [
            Role(name, number + 1) for name, count in counts.items() for number in range(count)
        ]
        for role in self.roles:
            tell(f"Starting {role.label}")
            role.child = self._spawn(role)
        self._await_ready()

    def _spawn(self, role: Role) -> Child:
        return spawn(
            [sys.executable, "-m", "weir", role.name, "--number", str(role.number)],
            user=None,
            env=self._environment(role),
            cwd=self.home.path,
            log_path=self.home.log_path(role.label),
        )

    def _environment(self, role: Role) -> Mapping[str, str]:
        """Return a role's environment: the same settings, with the engines' addresses filled in.

        The store's credentials go to the roles that use the lake, not to the gateway, which faces
        the network.
        """
        names = _PASSED_ON if role.name == "gateway" else (*_PASSED_ON, *_OF_OBJECT_STORES)
        inherited = {name: os.environ[name] for name in names if name in os.environ}
        return inherited | environment(replace(self.settings, home=self.home.path))

    def _await_ready(self) -> None:
        deadline = time.monotonic() + ROLE_START_TIMEOUT_S
        for role in self.roles:
            while not is_ready(self.home, role.label):
                if role.child is None or not role.child.alive() or time.monotonic() > deadline:
                    why = f"{role.label} did not start; its log is {self.home.log_path(role.label)}"
                    raise Refusal(PLATFORM_UNAVAILABLE, why=why)
                time.sleep(_POLL_S)

    def restart_dead(self) -> list[str]:
        """Restart parts that died, and cut long logs. Return a sentence for each part that died.

        Call it every second or so.
        """
        logs.tend(self.home.folder("log"))
        said = []
        for engine, name in ((self.postgres, "PostgreSQL"), (self.valkey, "Valkey")):
            if engine is not None and not engine.alive():
                engine.start()
                said.append(f"{name} had stopped and was started again.")
        now_s = time.monotonic()
        for role in self.roles:
            if role.child is None or role.child.alive() or now_s < role.not_before_s:
                continue
            code = role.child.returncode()
            role.child = self._spawn(role)
            role.not_before_s = now_s + _RESTART_PAUSE_S
            said.append(f"{role.label} had stopped (status {code}) and was started again.")
        return said

    def stop(self) -> None:
        """Stop gateways first, so that accepted calls are finished, and engines last."""
        for role in reversed(self.roles):
            if role.child is not None:
                role.child.end()
        self.roles = []
        with contextlib.ExitStack() as last:
            last.callback(self.home.release)
            for each in self.claims:
                last.callback(each.close)
            for engine in (self.postgres, self.valkey):
                if engine is not None:
                    last.callback(engine.stop)


def _end_orphans(home: Home) -> None:
    """End roles of this home whose supervisor was killed: they drain, and still hold the ports."""

    def orphans() -> Iterator[ProcessView]:
        for each in list_processes():
            ours = each.uid == os.geteuid() and each.folder == str(home.path)
            if ours and b"-m\0weir\0" in each.arguments:
                yield each

    end_family(orphans, GENTLE)
