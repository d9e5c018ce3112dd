"""A split as a value: who gets how many hundredths of a percent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from weir.kernel import identifiers, limits
from weir.kernel.inputs import wrong

WHOLE: Final = 10_000  # basis points

# The parties a split can name without knowing who they are. All others are organisations by id.
MEMBER: Final = "member"  # the institution that served the call
OPERATOR: Final = "operator"
PARTNER: Final = "partner"  # the organisation that called: its rebate
ROLES: Final = (MEMBER, OPERATOR, PARTNER)

# Which calls are paid for: those that succeeded (2xx, 3xx), or also those declined (4xx).
Billable = Literal["succeeded", "answered"]
BILLABLE: Final[tuple[Billable, ...]] = ("succeeded", "answered")
# How a line becomes whole minor units.
Rounding = Literal["half_even", "half_up", "down", "up"]
ROUNDINGS: Final[tuple[Rounding, ...]] = ("half_even", "half_up", "down", "up")


@dataclass(frozen=True, slots=True)
class Share:
    """`weight` basis points for a role, or for an organisation named by its identifier."""

    party: str
    weight: int


def read_shares(given: Sequence[Mapping[str, Any]], pointer: str = "/shares") -> list[Share]:
    """Check a proposed split. INVALID_INPUT says what is wrong with it."""
    if not 0 < len(given) <= limits.AGREEMENT_SHARES:
        raise wrong(
            pointer,
            f"must hold 1 to {limits.AGREEMENT_SHARES} shares",
            f"须包含 1 至 {limits.AGREEMENT_SHARES} 个分成方",
        )
    shares = [_share(each, f"{pointer}/{place}") for place, each in enumerate(given)]
    if len({share.party for share in shares}) != len(shares):
        raise wrong(pointer, "must name each party once", "每个分成方只能出现一次")
    if sum(share.weight for share in shares) != WHOLE:
        raise wrong(
            pointer,
            f"must sum to {WHOLE} basis points",
            f"各方分成之和须为 {WHOLE} 个基点",
        )
    return shares


def needed_parties(shares: Iterable[Share], owner: str, operator: str) -> list[str]:
    """The organisations whose acceptance a split needs: the product's owner and all it names.

    `partner` needs nobody: a rebate goes to whoever subscribes, and only takes from the others.
    """
    needed = {owner}
    for share in shares:
        if share.party == OPERATOR:
            needed.add(operator)
        elif share.party not in ROLES:
            needed.add(share.party)
    return sorted(needed)


def _share(given: Mapping[str, Any], pointer: str) -> Share:
    party, weight = given.get("party"), given.get("weight")
    if set(given) != {"party", "weight"} or not isinstance(party, str):
        raise wrong(pointer, "must have party and weight", "须包含 party 和 weight")
    if party not in ROLES and not identifiers.is_identifier(party, "org"):
        raise wrong(
            f"{pointer}/party",
            f"must be one of {', '.join(ROLES)}, or an organisation's identifier",
            f"须为 {'、'.join(ROLES)} 之一，或机构标识符",
        )
    if not isinstance(weight, int) or isinstance(weight, bool) or not 0 < weight <= WHOLE:
        raise wrong(
            f"{pointer}/weight",
            f"must be a whole number of basis points from 1 to {WHOLE}",
            f"须为 1 至 {WHOLE} 的整数（基点）",
        )
    return Share(party, weight)
