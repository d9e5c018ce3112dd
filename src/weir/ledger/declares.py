"""Declarations of the ledger; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

# --- Limits ---
# Agreements, ledger and statements
POSTING_ENTRIES: Final = 64
REFERENCE_CHARACTERS: Final = 300

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "pst": "posting",
}
