"""Declarations of the command line; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.kernel.declarations import Command

# --- Limits ---
# Starting and stopping roles
ROLE_START_TIMEOUT_S: Final = 60

# --- Commands ---
COMMANDS: Final = {
    "demo": Command(
        "weir_demo.command:demo", "Start a demo alliance, run its story, compare the figures."
    ),
}
