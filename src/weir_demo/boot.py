"""Boot of the demo: a fresh home, the platform as `weir up` starts it, model institutions.

The main thread starts all children, before the story's event loop begins.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from weir.app import settings as reading
from weir.app.core import open_core
from weir.app.settings import Settings
from weir.authorization.services import Addresses
from weir.cli.failures import CommandError
from weir.cli.installation import Installation
from weir.kernel.declares import PORT_TAKEN
from weir.kernel.outcomes import Refusal
from weir.kernel.settings import PREFIX
from weir.keys.authority import Authority
from weir.store.engines import Child, Home, require_free, spawn
from weir.store.engines import user as users
from weir.store.engines.files import write_atomically
from weir.store.engines.home import default_path
from weir_demo.cast import BROUGHT_IN, CUSTOMERS, INSTITUTIONS, SEED, Institution
from weir_demo.stage import Running

Tell = Callable[[str], None]
T = TypeVar("T")

_READY_TIMEOUT_S: Final = 90.0
_PORT_TRIES: Final = 5
_POLL_S: Final = 0.05
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ")
# Settings that would make the demo use other engines or another home than its own.
_SET_ASIDE: Final = ("HOME", "DATABASE_URL", "VALKEY_URL", "LAKE_URL", "MASTER_KEY")


@dataclass(slots=True)
class Boot:
    """The running platform and institutions of a demo; `stop` ends all of it."""

    installation: Installation
    institutions: list[Running] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)

    def stop(self) -> None:
        """Stop the institutions first, since they live on the platform's database server."""
        for child in self.children:
            child.end()
        self.installation.stop()


def boot(home: Path | None, tell: Tell) -> Boot:
    """Start everything in a fresh home, without touching `.weir/`.

    CommandError when a folder is in the way or an institution does not start.
    """
    path = home or _default_home()
    _clear(path)

    def start(settings: Settings) -> Installation:
        installation = Installation(settings, home_path=path)
        installation.start(tell)
        return installation

    installation = on_free_ports(_settings(), start)
    started = Boot(installation)
    try:
        tell("Starting three model institutions, each with a history of its own")
        start_institutions(started, (*INSTITUTIONS, BROUGHT_IN), CUSTOMERS)
    except BaseException:
        started.stop()
        raise
    return started


def _settings() -> Settings:
    """Return the person's settings, without those that belong to another installation."""
    for name in _SET_ASIDE:
        os.environ.pop(PREFIX + name, None)
    return reading.read(os.environ)


def on_free_ports(settings: Settings, start: Callable[[Settings], T]) -> T:
    """Start something on the ports of the settings, or on others if those are taken.

    Another process may claim a port that was free a moment ago; then others are tried. Refusal
    PORT_TAKEN after the last try.
    """
    for last in (*[False] * (_PORT_TRIES - 1), True):
        try:
            return start(_with_free_ports(settings))
        except Refusal as refusal:
            if last or refusal.outcome is not PORT_TAKEN:
                raise
    raise AssertionError("the last try returns or raises")


def _with_free_ports(settings: Settings) -> Settings:
    public, mtls = settings.public_port, settings.mtls_port
    if not all(_is_free(settings.bind_address, port) for port in (public, mtls)):
        public, mtls = free_ports(settings.bind_address, 2)
    return replace(settings, public_port=public, mtls_port=mtls)


def _is_free(host: str, port: int) -> bool:
    try:
        require_free(host, port)
    except Refusal as refusal:
        if refusal.outcome is not PORT_TAKEN:
            raise
        return False
    return True


def free_ports(host: str, count: int) -> list[int]:
    """Return ports that the kernel gives; all are held until the last is known, so they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((host, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _default_home() -> Path:
    """Return `.weir-demo` beside the default `.weir`."""
    path = default_path(users.choose())
    return path.with_name(f"{path.name}-demo")


def _clear(path: Path) -> None:
    """Remove the home of an earlier demo. CommandError for a folder that is not one; it stays."""
    if not path.exists():
        return
    if not (path / "home.json").exists() or not path.name.endswith("demo"):
        if path.is_dir() and not any(path.iterdir()):
            return
        raise CommandError(f"{path} is not the home of an earlier demo; name another with --home.")
    home = Home.open(path, create=False)
    home.acquire()  # refuses while an earlier demo still runs on it
    home.release()
    recorded = path / "run-folder"
    if recorded.exists():
        shutil.rmtree(recorded.read_text(), ignore_errors=True)
    shutil.rmtree(path)


def start_institutions(started: Boot, wanted: Sequence[Institution], customers: int) -> None:
    """Start institutions, each with certificates and a database, with `customers` customers."""
    installation = started.installation
    asyncio.run(_issue(installation, wanted))
    logs = [_start_one(started, each, customers) for each in wanted]
    for institution, log, child in zip(wanted, logs, started.children, strict=True):
        port = _await_ready(log, child)
        started.institutions.append(
            Running(
                institution=institution,
                port=port,
                document=_document(institution),
                staff_certificate=_folder(installation, institution) / "staff.pem",
                staff_key=_folder(installation, institution) / "staff.key",
            )
        )


async def _issue(installation: Installation, wanted: Sequence[Institution]) -> None:
    """Issue certificates to each institution, for its server and its staff."""
    async with open_core(installation.settings, installation.home, connections=2) as core:
        authority = await Authority.open(core.database, core.sealing)
        for institution in wanted:
            folder = _folder(installation, institution)
            for name, hosts in (("server", ["127.0.0.1"]), ("staff", [])):
                issued = authority.issue_own(f"{institution.slug}-{name}", hosts)
                write_atomically(folder / f"{name}.key", issued.key_pem.encode())
                write_atomically(folder / f"{name}.pem", issued.certificate.pem.encode())


def _start_one(started: Boot, institution: Institution, customers: int) -> Path:
    """Start one institution with a database of its own; return the path of its log."""
    installation = started.installation
    assert installation.postgres is not None, "the demo runs on embedded engines"
    folder = _folder(installation, institution)
    log = installation.home.log_path(institution.slug)
    command = [
        *(sys.executable, "-m", "weir_sandbox", institution.plays, "--port", "0"),
        *("--certificate", str(folder / "server.pem"), "--key", str(folder / "server.key")),
        *("--ca", str(installation.tls.gateways), "--staff", str(folder / "staff.pem")),
        *("--issuer", Addresses.of(installation.settings).issuer),
        *("--platform-ca", str(installation.tls.root), "--member", institution.slug),
        *("--customers", str(customers), "--seed", str(SEED)),
    ]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    url = installation.postgres.create_database(f"sandbox_{institution.slug.replace('-', '_')}")
    child = spawn(
        command,
        user=None,
        env=environment | {"WEIR_SANDBOX_DATABASE_URL": url},
        cwd=installation.home.path,
        log_path=log,
    )
    started.children.append(child)
    return log


def _await_ready(log: Path, child: Child) -> int:
    """Wait for an institution, and return its port. CommandError when it does not start."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline and child.alive():
        for line in _lines(log):
            if line.startswith('{"ready"'):
                return int(json.loads(line)["port"])
        time.sleep(_POLL_S)
    raise CommandError(f"A model institution did not start; its log is {log}.")


def _lines(log: Path) -> Sequence[str]:
    return log.read_text("utf-8", "replace").splitlines() if log.exists() else ()


def _document(institution: Institution) -> bytes:
    """Return the institution's OpenAPI document, as it would hand it over."""
    folder = files("weir_sandbox").joinpath("documents")
    found = [each for each in folder.iterdir() if each.name.startswith(f"{institution.plays}.")]
    return found[0].read_bytes()


def _folder(installation: Installation, institution: Institution) -> Path:
    folder = installation.home.folder("institutions") / institution.slug
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
