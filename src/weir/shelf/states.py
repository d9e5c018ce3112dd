"""States of product versions and subscriptions, and the moves between them, as data.

A product version: drafted, then published and from then on unchangeable, then retired for good.

A subscription: its application requests it; the product's owner approves or refuses; the owner may
suspend it and resume it; either side may end it, and an ended one never becomes active again.

        approve           suspend
requested ----> active <-----------> suspended
    |             |        resume        |
    +-- refuse ---+------- end ----------+--> ended
"""

from __future__ import annotations

from typing import Final

from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal

# (state, act) -> the state after. Every other move is illegal.
PRODUCT_MOVES: Final[dict[tuple[str, str], str]] = {
    ("draft", "publish"): "published",
    ("published", "retire"): "retired",
}

SUBSCRIPTION_MOVES: Final[dict[tuple[str, str], str]] = {
    ("requested", "approve"): "active",
    ("requested", "refuse"): "ended",
    ("requested", "end"): "ended",
    ("active", "suspend"): "suspended",
    ("active", "end"): "ended",
    ("suspended", "resume"): "active",
    ("suspended", "end"): "ended",
}

# The sides that may do each act: the product's owner, or the subscribing application's owner.
SUBSCRIPTION_SIDES: Final[dict[str, frozenset[str]]] = {
    "approve": frozenset({"owner"}),
    "refuse": frozenset({"owner"}),
    "suspend": frozenset({"owner"}),
    "resume": frozenset({"owner"}),
    "end": frozenset({"owner", "subscriber"}),
}

# The audit event of each act.
SUBSCRIPTION_EVENTS: Final[dict[str, str]] = {
    "approve": "subscription.approved",
    "refuse": "subscription.refused",
    "suspend": "subscription.suspended",
    "resume": "subscription.resumed",
    "end": "subscription.ended",
}


def move(moves: dict[tuple[str, str], str], state: str, act: str) -> str:
    """Return the state after `act`; ILLEGAL_STATE, with the present state, if it is not allowed."""
    after = moves.get((state, act))
    if after is None:
        raise Refusal(ILLEGAL_STATE, f"{act} while {state}", state=state)
    return after
