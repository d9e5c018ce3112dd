"""Declarations of jobs; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.kernel.declarations import Lock, Periodic

# --- Limits ---
WORKER_SLOTS: Final = 64  # workers that can be at jobs at the same time

# --- Advisory locks ---
SLOT_LOCK: Final = Lock(
    4, "The slot of a worker; a number, in the two-key form, held by a connection of its own."
)

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "jobs": Periodic(0.5, "Do the jobs that were asked for, step by step."),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "job": "job, durable work in steps",
}
