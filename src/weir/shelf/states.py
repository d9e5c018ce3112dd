"""What can become of a product version and of a subscription, as data.

A product version: drafted, then published and from then on unchangeable, then retired for good.

A subscription: its application asks; the product's owner approves or refuses; the owner may
suspend it and resume it; either side may end it, and an ended one never lives again.

        approve           suspend
requested ----> active <-----------> suspended
    |             |        resume        |
    +-- refuse ---+------- end ----------+--> ended
"""

from __future__ import annotations

from typing import Final

from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal

# (state, what is done) -> the state after. What is not here is illegal.
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

# Who may do it: the product's owner, or the organisation whose application subscribes.
SUBSCRIPTION_SIDES: Final[dict[str, frozenset[str]]] = {
    "approve": frozenset({"owner"}),
    "refuse": frozenset({"owner"}),
    "suspend": frozenset({"owner"}),
    "resume": frozenset({"owner"}),
    "end": frozenset({"owner", "subscriber"}),
}

# What the audit chain calls it.
SUBSCRIPTION_EVENTS: Final[dict[str, str]] = {
    "approve": "subscription.approved",
    "refuse": "subscription.refused",
    "suspend": "subscription.suspended",
    "resume": "subscription.resumed",
    "end": "subscription.ended",
}


def move(moves: dict[tuple[str, str], str], state: str, act: str) -> str:
    """The state after `act`, or ILLEGAL_STATE with the present one."""
    after = moves.get((state, act))
    if after is None:
        raise Refusal(ILLEGAL_STATE, f"{act} while {state}", state=state)
    return after
