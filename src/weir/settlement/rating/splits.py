"""Split of a line's gross among the parties of an agreement; the parts sum to it. Pure.

Fixed parts of calls and rewards come off first, in the agreement's order and never more than is
left. The rest is divided by per cents; the partner's gross over all its lines together reaches
their tiers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from weir.agreements.shares import MEMBER, OPERATOR, PARTNER, Rounding, Share, to_minor, weights_at
from weir.kernel.money import allocate
from weir.settlement.documents import LineShare, Role
from weir.settlement.rating.charges import round_amount


@dataclass(frozen=True, slots=True)
class Parties:
    """The organisations in the roles of a line; `member` is the product's owner without a call."""

    member: str
    operator: str
    partner: str


@dataclass(frozen=True, slots=True)
class SplitInput:
    """A line's gross to divide, with the counts that its split depends on.

    `together_minor` is the gross of all lines of one partner under one plan and one agreement.
    `rewarded` holds, by a term's index in the agreement, the number of times it is fulfilled.
    """

    gross_minor: int
    billable_calls: int
    together_minor: int
    currency: str
    rounding: Rounding = "half_even"
    rewarded: Mapping[int, int] = field(default_factory=dict)


def split(takings: SplitInput, shares: Sequence[Share], parties: Parties) -> list[LineShare]:
    """Return each party's exact part of the gross, in the order the agreement first names them.

    The minor units left over by rounding go to the largest fractions, ties to the share named first
    (`weir.kernel.money.allocate`). The same organisation may appear under two roles.
    """
    with_calls = [share for share in shares if not share.is_monthly]
    amounts = dict.fromkeys((share.party for share in with_calls), 0)
    left = takings.gross_minor
    for place, share in enumerate(shares):
        if share.fixed is not None and not share.is_monthly:
            times = takings.rewarded.get(place, 0) if share.is_rewarding else takings.billable_calls
            part = min(left, _fixed(share.fixed, times, takings))
            amounts[share.party] += part
            left -= part
    dividing = [share for share in with_calls if share.fixed is None]
    for share, part in zip(dividing, allocate(left, _weights(dividing, takings)), strict=True):
        amounts[share.party] += part
    return [LineShare(*known(party, parties), amount) for party, amount in amounts.items()]


def known(party: str, parties: Parties) -> tuple[str, Role]:
    """Return the organisation that a share's party is on a line, and its role."""
    if party == MEMBER:
        return parties.member, "member"
    if party == OPERATOR:
        return parties.operator, "operator"
    if party == PARTNER:
        return parties.partner, "partner"
    return party, "named"


def _fixed(price: str, times: int, takings: SplitInput) -> int:
    amount = Fraction(price) * times
    return round_amount(amount, takings.currency, takings.rounding).amount_minor


def _weights(dividing: Sequence[Share], takings: SplitInput) -> list[int]:
    """Return each share's basis points, summed over the minor units of `together_minor`."""
    currency, whole = takings.currency, max(takings.together_minor, 1)
    ends = {
        to_minor(tier.up_to, currency) for share in dividing for tier in share.tiers if tier.up_to
    }
    steps = sorted({0, whole, *(end for end in ends if end < whole)})
    weights = [0] * len(dividing)
    for start, end in pairwise(steps):
        for place, weight in enumerate(weights_at(dividing, start, currency)):
            weights[place] += weight * (end - start)
    return weights
