"""Owners and subscribers: the parties as the shelf needs them.

The caller looks them up; this room knows none of their tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from weir.kernel.declares import FORBIDDEN
from weir.kernel.outcomes import Refusal
from weir.shelf.declares import PRODUCTION_NEEDED

# The directions in which each kind of organisation may offer products, and take them. Partners
# embed go-out products; members use bring-in products, and one another's capabilities.
OFFERS: dict[str, frozenset[str]] = {
    "operator": frozenset(),
    "member": frozenset({"go-out"}),
    "partner": frozenset({"bring-in"}),
}
TAKES: dict[str, frozenset[str]] = {
    "operator": frozenset(),
    "member": frozenset({"go-out", "bring-in"}),
    "partner": frozenset({"go-out"}),
}


@dataclass(frozen=True, slots=True)
class Owner:
    """An organisation that puts documents and products on the shelf."""

    id: str
    slug: str
    kind: str
    in_sandbox: bool = False

    def may_publish(self) -> None:
        """Refuse PRODUCTION_NEEDED while the operator has not admitted the organisation.

        Everybody sees the shelf, so that what stands there is of parties that are known.
        """
        if self.in_sandbox:
            raise Refusal(PRODUCTION_NEEDED)

    def may_offer(self, direction: str) -> None:
        """Refuse FORBIDDEN unless an organisation of this kind offers in this direction."""
        if direction not in OFFERS[self.kind]:
            raise Refusal(FORBIDDEN, f"a {self.kind} offers nothing {direction}")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An application that subscribes, with the organisation it belongs to."""

    application: str
    organisation: str
    kind: str
    in_sandbox: bool = False

    def may_take(self, direction: str, *, sandbox: bool) -> None:
        """Refuse FORBIDDEN unless an organisation of this kind uses products of this direction.

        PRODUCTION_NEEDED when it is in the sandbox and the product is not.
        """
        if direction not in TAKES[self.kind]:
            raise Refusal(FORBIDDEN, f"a {self.kind} takes nothing {direction}")
        if self.in_sandbox and not sandbox:
            raise Refusal(PRODUCTION_NEEDED)
