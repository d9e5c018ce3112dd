"""Declarations of the processes: limits."""

from __future__ import annotations

from typing import Final

# --- Limits ---
# Dynamic registration and keys at jwks_uri (authorization/front/registration.py, remote_keys.py)
JWKS_TIMEOUT_S: Final = 3

# Call records
DAY_CLOSES_AFTER_S: Final = 300  # after midnight, UTC: its last segments are in the lake by then

# Starting and stopping roles
READINESS_TIMEOUT_S: Final = 1
