"""Declarations of the processes; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.kernel.declarations import Bound, Command, setting

# --- Limits ---
# Dynamic registration and keys at jwks_uri (authorization/front/registration.py, remote_keys.py)
JWKS_TIMEOUT_S: Final = 3

# Call records
DAY_CLOSES_AFTER_S: Final = 300  # after midnight, UTC: its last segments are in the lake by then

# Refusals of a rate (app/late_refusals.py)
LATE_REFUSAL_S: Final = 1.0
LATE_REFUSALS: Final = 64  # that wait in one process: a gateway has 256 connections to it

# Starting and stopping roles
READINESS_TIMEOUT_S: Final = 1


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """The processes that `weir up` starts."""

    control_processes: int = setting(1, "Control processes weir up starts.", low=1, high=64)


# --- Bounds of inputs ---
BOUNDS: Final = {
    "requests to control that were refused for their rate, and wait for that answer": Bound(
        (
            "LATE_REFUSAL_S",
            "LATE_REFUSALS",
        ),
        "a task and a connection each; the answer comes late",
        "answered at once",
        "test_more_than_may_wait_are_refused_at_once",
    ),
}

# --- Commands ---
COMMANDS: Final = {
    "up": Command("up:up", "Start weir on this machine and keep it running."),
    "status": Command("status:status", "Show the parts that run in a home."),
    "config": Command("config:config", "Print every setting, its value and its source."),
    "gateway": Command("roles:gateway", "Run one gateway process, for callers."),
    "control": Command("roles:control", "Run one process of authorization, portal and API."),
    "worker": Command("roles:worker", "Run one worker process, for the platform's jobs."),
}
