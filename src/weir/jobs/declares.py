"""Declarations of jobs: limits."""

from __future__ import annotations

from typing import Final

# --- Limits ---
# Closing
WORKER_SLOTS: Final = 64  # workers that can be at jobs at the same time
