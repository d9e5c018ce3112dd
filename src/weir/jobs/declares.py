"""Declarations of jobs; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.kernel.declarations import Lock

# --- Limits ---
# Closing
WORKER_SLOTS: Final = 64  # workers that can be at jobs at the same time

# --- Advisory locks ---
SLOT_LOCK: Final = Lock(
    4, "The slot of a worker; a number, in the two-key form, held by a connection of its own."
)
