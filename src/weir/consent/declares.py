"""Declarations of consent; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import BUILDERS, OPERATOR, PARTIES, READERS, Rule
from weir.kernel.declarations import BOOKS_PANEL, Command, Periodic
from weir.kernel.outcomes import Outcome

# --- Refusals ---
OAUTH_INVALID_AUTHORIZATION_DETAILS: Final = Outcome(
    "oauth_invalid_authorization_details",
    400,
    "The authorization_details are not of a form this server grants.",
    "authorization_details 的内容不符合要求。",
    oauth="invalid_authorization_details",
)

# --- Limits ---
# Authorization (FAPI 2.0 Security Profile section 5.3)
INTERACTION_LIFETIME_S: Final = 900
CONSENT_LIFETIME_DAYS: Final = 365
PAYMENT_CONSENT_LIFETIME_S: Final = 3_600  # from the customer's yes until it must have been used
AUTHORIZATION_FORM_BYTES: Final = 65_536
PURPOSE_CHARACTERS: Final = 200
DIRECTORY_ANSWER_BYTES: Final = 262_144  # a member's list of one customer's accounts
DIRECTORY_ACCOUNTS: Final = 200

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "payments_made": Periodic(1.0, "Mark payment consents used whose payment was made."),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "consent.requested": ("A customer was asked for consent.", "已向客户请求授权。"),
    "consent.granted": ("The customer granted the consent.", "客户同意了授权。"),
    "consent.rejected": ("The customer said no.", "客户拒绝了授权。"),
    "consent.used": ("The payment consent was used.", "支付授权已使用。"),
    "consent.withdrawn": ("The consent was withdrawn.", "授权已撤回。"),
    "consent.withdrawal_confirmed": (
        "Every gateway confirmed the withdrawal.",
        "全部网关已确认撤回。",
    ),
    "consent.expired": ("The consent ended at its date.", "授权已到期。"),
    "consent.replaced": (
        "A newer consent of the customer took its place.",
        "客户新的授权取代了此授权。",
    ),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "cns": "consent",
    "rec": "consent, as call records name it; nothing else follows from it, not even its age",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "list_consents": Rule(own=PARTIES, people=READERS),
    "withdraw_consent": Rule(
        own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True, programs="yes"
    ),
}

# --- Routers of the management API ---
ROUTERS: Final = ("parties.consents",)

# --- Commands ---
COMMANDS: Final = {
    "consent": Command("parties.consents:consent", "Consents of customers.", True, BOOKS_PANEL),
}
