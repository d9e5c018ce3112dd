"""Declarations of agreements; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import ALL, BOOKKEEPERS, OPERATOR, PARTIES, READERS, Rule
from weir.kernel.declarations import BOOKS_PANEL, Bound, Command
from weir.kernel.declares import LIMIT_REACHED

# --- Limits ---
# Agreements, ledger and statements
AGREEMENT_SHARES: Final = 16
AGREEMENT_VERSIONS: Final = 500  # of one product, proposals and ended ones too

# --- Bounds of inputs ---
BOUNDS: Final = {
    "versions of a product's agreement": Bound(
        ("AGREEMENT_VERSIONS",),
        "a row each",
        LIMIT_REACHED,
        "test_a_product_has_so_many_versions_of_its_agreement_and_no_more",
    ),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "agreement.proposed": ("An agreement was proposed.", "提出分润协议。"),
    "agreement.countered": (
        "A party answered the proposal with other terms.",
        "一方以其他条款回应了提案。",
    ),
    "agreement.accepted": ("A party accepted the agreement.", "一方接受了分润协议。"),
    "agreement.in_force": (
        "All parties accepted; the agreement is in force.",
        "各方均已接受，协议生效。",
    ),
    "agreement.ended": ("The agreement was ended or declined.", "协议终止或被拒绝。"),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "agr": "agreement",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "propose_agreement": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
    "list_own_agreements": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "list_agreements": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_agreement": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "counter_agreement": Rule(own=ALL, people=BOOKKEEPERS),
    "accept_agreement": Rule(own=ALL, people=BOOKKEEPERS),
    "end_agreement": Rule(own=ALL, people=BOOKKEEPERS),
}

# --- Routers of the management API ---
ROUTERS: Final = ("money.agreements",)

# --- Commands ---
COMMANDS: Final = {
    "agreement": Command("money.agreements:agreement", "Splits of revenue.", True, BOOKS_PANEL),
}
