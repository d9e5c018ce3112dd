"""Declarations of the management API; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import ALL, OPERATOR, READERS, Rule
from weir.kernel.declarations import Bound
from weir.kernel.declares import REQUESTS_EXCEEDED
from weir.kernel.outcomes import Fault, Outcome, Retry

# --- Refusals ---
REVOCATION_UNCONFIRMED: Final = Outcome(
    "revocation_unconfirmed",
    504,
    "The withdrawal is stored, but not every gateway has confirmed it yet.",
    "撤回已保存，但尚未得到全部网关确认。",
    Fault.PLATFORM,
    Retry.LATER,
)

PERSON_REQUIRED: Final = Outcome(
    "person_required",
    403,
    "No application may do this, only a person: at the portal, or after `weir sign-in`.",
    "应用无权执行此操作，须由人员办理：请使用门户，或先运行 weir sign-in。",
    retry=Retry.CHANGED,
)
REGISTRANT_GONE: Final = Outcome(
    "registrant_gone",
    403,
    "The person who answers for this application works here no more, or in another role."
    " An owner has to take the application over.",
    "负责该应用的人员已离任或角色已变更，须由所有者接管该应用。",
    retry=Retry.CHANGED,
)

# --- Limits ---
# Rates of one control process (kernel/rates.py)
WRITES_A_SECOND: Final = 50  # of one application or person
WRITES_AT_ONCE: Final = 1_000

# Trying an operation out, from its page
TEST_CUSTOMERS_AN_HOUR: Final = 60  # taken by one organisation, each with a new passphrase

# --- Bounds of inputs ---
BOUNDS: Final = {
    "writes of one application or person": Bound(
        (
            "WRITES_A_SECOND",
            "WRITES_AT_ONCE",
        ),
        "a unit of work each",
        REQUESTS_EXCEEDED,
        "test_writes_of_one_application_beyond_its_rate_are_refused_and_others_are_not",
    ),
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "describe_api": Rule(every=ALL, people=READERS),
    "show_health": Rule(every=OPERATOR, people=READERS),
}

# --- Routers of the management API ---
ROUTERS: Final = (
    "description",
    "health",
)
