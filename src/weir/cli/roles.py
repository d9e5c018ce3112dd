"""`weir gateway`, `weir control`, `weir worker`: a role each, started by `weir up` or alone."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Final

import structlog
import typer
import uvloop

from weir.app import settings as reading
from weir.app.core import RoleLife
from weir.app.log import log_to_stdout
from weir.app.settings import Settings
from weir.cli.health import socket_path
from weir.store.engines.home import Home
from weir.wire.places import raise_descriptors

# Also said by `weir up`.
ROOT_ADVICE: Final = "weir runs as root and need not: start it as a user of its own."
_log = structlog.get_logger("weir")

Number = Annotated[int, typer.Option(help="The number of this process, which names its socket.")]


def gateway(number: Number = 1) -> None:
    """Run one gateway process, the public listener for all callers."""
    settings, home = _opened()
    health = socket_path(home, f"gateway-{number}")
    controls = [
        socket_path(home, f"control-{each + 1}") for each in range(settings.control_processes)
    ]
    from weir.app.gateway import run_gateway

    _run(run_gateway(settings, home, health, controls))


def control(number: Number = 1) -> None:
    """Run one process of the authorization server, the portal and the management API."""
    settings, home = _opened()
    from weir.app.control import run_control

    _run(run_control(settings, home, socket_path(home, f"control-{number}")))


# What a worker does can wait, and calls cannot: where both want a core, three quarters of it are
# the gateway's.
_WORKER_NICENESS = 5


def worker(number: Number = 1) -> None:
    """Run one worker process, which stores records in the lake and does the platform's jobs."""
    settings, home = _opened()
    os.nice(_WORKER_NICENESS)
    from weir.app.worker import run_worker

    _run(run_worker(settings, home, socket_path(home, f"worker-{number}")))


def _opened() -> tuple[Settings, Home]:
    """Return the settings and the home, with the log on standard output."""
    settings = reading.read(os.environ)
    log_to_stdout(settings.log_level)
    raise_descriptors()
    warn_of_root()
    return settings, Home.open(settings.home, create=False)


def warn_of_root() -> None:
    """Log a warning in a process that runs as root."""
    if os.geteuid() == 0:
        _log.warning("runs_as_root", advice=ROOT_ADVICE)


def _run(role: RoleLife) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(role)
