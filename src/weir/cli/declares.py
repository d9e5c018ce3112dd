"""Declarations of the command line: limits."""

from __future__ import annotations

from typing import Final

# --- Limits ---
# Starting and stopping roles
ROLE_START_TIMEOUT_S: Final = 60
