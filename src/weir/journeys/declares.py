"""Declarations of journeys; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import Rule
from weir.kernel.declarations import Bound
from weir.kernel.outcomes import Outcome, Retry

# --- Refusals ---
TOO_MANY_SIGN_UPS: Final = Outcome(
    "too_many_sign_ups",
    429,
    "Too many organisations were registered from this network. Try again in an hour.",
    "该网络登记的机构过多，请一小时后再试。",
    retry=Retry.LATER,
)

# --- Limits ---
# Authorization (FAPI 2.0 Security Profile section 5.3)
SIGN_UPS: Final = 10  # of organisations, from one network in SIGN_UP_WINDOW_S
SIGN_UP_WINDOW_S: Final = 3_600

# Tests of members' services
BACKEND_TEST_TIMEOUT_S: Final = 5  # of each call of a test, from connecting to the answer's status
BACKEND_TEST_ANSWER_BYTES: Final = 4_096  # of the answer's first line, and read ahead of it

# --- Bounds of inputs ---
BOUNDS: Final = {
    "sign-ups from one network": Bound(
        (
            "SIGN_UPS",
            "SIGN_UP_WINDOW_S",
        ),
        "an organisation in the sandbox each, and a hash",
        TOO_MANY_SIGN_UPS,
        "test_one_address_signs_up_only_so_many",
    ),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "organisation.signed_up": ("The organisation signed up by itself.", "机构自助注册。"),
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "sign_up_partner": Rule(by_anyone=True),
}

# --- Routers of the management API ---
ROUTERS: Final = ("parties.sign_up",)
