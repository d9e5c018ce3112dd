"""Dividing a line's gross among the parties of an agreement. Pure; the parts sum to the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weir.alliance.shares import MEMBER, OPERATOR, PARTNER, Share
from weir.kernel.money import allocate
from weir.settlement.documents import LineShare, Role


@dataclass(frozen=True, slots=True)
class Parties:
    """Who stands behind the roles of a line."""

    member: str
    operator: str
    partner: str


def split(gross_minor: int, shares: Sequence[Share], parties: Parties) -> list[LineShare]:
    """Each share's exact part of the gross, in the agreement's order.

    The minor units left over by rounding go to the largest fractions, ties to the share named
    first (`weir.kernel.money.allocate`). The same organisation may appear under two roles.
    """
    parts = allocate(gross_minor, [share.weight for share in shares])
    return [
        LineShare(*_party(share, parties), part) for share, part in zip(shares, parts, strict=True)
    ]


def _party(share: Share, parties: Parties) -> tuple[str, Role]:
    if share.party == MEMBER:
        return parties.member, "member"
    if share.party == OPERATOR:
        return parties.operator, "operator"
    if share.party == PARTNER:
        return parties.partner, "partner"
    return share.party, "named"
