"""Declarations of the audit trail; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import AUDITORS, OPERATOR, PARTIES, Rule
from weir.kernel.declarations import BOOKS_PANEL, Command

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "verify_audit": Rule(every=OPERATOR, people=AUDITORS),
    "search_audit_trail": Rule(own=PARTIES, every=OPERATOR, people=AUDITORS),
}

# --- Routers of the management API ---
ROUTERS: Final = ("records.audit",)

# --- Commands ---
COMMANDS: Final = {
    "audit": Command("records.audit:audit", "Audit trail, roots and bundles.", True, BOOKS_PANEL),
}
