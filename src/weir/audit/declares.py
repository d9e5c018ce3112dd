"""Declarations of the audit trail: permissions."""

from __future__ import annotations

from typing import Final

from weir.access.roles import AUDITORS, OPERATOR, PARTIES, Rule

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "verify_audit": Rule(every=OPERATOR, people=AUDITORS),
    "search_audit_trail": Rule(own=PARTIES, every=OPERATOR, people=AUDITORS),
}
