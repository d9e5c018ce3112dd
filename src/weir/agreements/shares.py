"""Terms of a split, as values: a closed grammar of five kinds. Pure.

Of each line: a fixed part of each call, or of each call or customer that it rewards, then per cents
of the rest, the same for all or by tiers. By the month, between parties: a fixed part, or the
difference to a minimum.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec

from weir.agreements.declares import AGREEMENT_SHARES
from weir.kernel import identifiers, money
from weir.kernel.declares import LABEL_CHARACTERS
from weir.kernel.inputs import wrong
from weir.shelf.declares import PLAN_TIERS

WHOLE: Final = 10_000  # basis points

# Parties that a split names by their role; all others are named by identifier.
MEMBER: Final = "member"  # the institution that served the call; by the month, the product's owner
OPERATOR: Final = "operator"
PARTNER: Final = "partner"  # the organisation that called: its rebate
ROLES: Final = (MEMBER, OPERATOR, PARTNER)

# The calls that are paid for: succeeded ones (2xx, 3xx), or declined ones (4xx) too.
Billable = Literal["succeeded", "answered"]
BILLABLE: Final[tuple[Billable, ...]] = ("succeeded", "answered")
# Rules for rounding a line to whole minor units.
Rounding = Literal["half_even", "half_up", "down", "up"]
ROUNDINGS: Final[tuple[Rounding, ...]] = ("half_even", "half_up", "down", "up")


class ShareTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`weight` basis points of the part below `up_to` (major units) and above the tier before."""

    up_to: str | None
    weight: int


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One term for a role, or for an organisation named by its identifier: exactly one of

    - `weight` basis points of the rest of a line, or `tiers` of them by the gross;
    - `fixed` (major units) `per` call, off the top of a line; with a `scene` or `referrer`, per
      call that came from there;
    - `fixed` `per` customer who came on at least `days` days (UTC) of the period, from anywhere
      or from that `scene` or `referrer`; off the top of a line too;
    - `fixed` per month, paid by `paid_by`;
    - `minimum` (major units) a month: `paid_by` pays the difference to it.
    """

    party: str
    weight: int = 0
    tiers: tuple[ShareTier, ...] = ()
    fixed: str | None = None
    per: Literal["call", "customer", "month"] | None = None
    scene: str | None = None
    referrer: str | None = None
    days: int | None = None
    minimum: str | None = None
    paid_by: str | None = None

    @property
    def kind(self) -> str:
        if self.minimum is not None:
            return "minimum"
        return f"fixed a {self.per}" if self.fixed is not None else "per cent"

    @property
    def is_rewarding(self) -> bool:
        """Whether it counts certain calls or customers of a line, not all its billable calls."""
        return self.per == "customer" or self.scene is not None or self.referrer is not None

    @property
    def is_monthly(self) -> bool:
        """Whether it runs by the month between parties, and not with the calls."""
        return self.paid_by is not None

    def document(self) -> dict[str, Any]:
        """Return the term as plain JSON values, as it was given."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


_FORMS: Final[tuple[frozenset[str], ...]] = tuple(
    frozenset({"party", *rest})
    for rest in (
        ("weight",),
        ("tiers",),
        ("fixed", "per"),
        ("fixed", "per", "paid_by"),
        ("minimum", "paid_by"),
        *(
            (*base, *rewarded)
            for base in (("fixed", "per"), ("fixed", "per", "days"))
            for rewarded in ((), ("scene",), ("referrer",), ("scene", "referrer"))
        ),
    )
)
# The grammar of the fields `weir-scene` and `weir-referrer` of calls.
_LABEL: Final = re.compile(r"[a-z](?:[a-z._-]|[0-9]{1,4}(?![0-9]))*")
_MOST_DAYS: Final = 31


def read_shares(
    given: Sequence[Mapping[str, Any]], currency: str, pointer: str = "/shares"
) -> list[Share]:
    """Check the terms of a proposed split. INVALID_INPUT says what is wrong with them."""
    if not 0 < len(given) <= AGREEMENT_SHARES:
        raise wrong(
            pointer,
            f"must hold 1 to {AGREEMENT_SHARES} shares",
            f"须包含 1 至 {AGREEMENT_SHARES} 个分成方",
        )
    shares = [_share(each, currency, f"{pointer}/{place}") for place, each in enumerate(given)]
    if len({_kind(share) for share in shares}) != len(shares):
        raise wrong(
            pointer,
            "must name each party once for each kind of term",
            "每类条款中每个分成方只能出现一次",
        )
    _check_sums(shares, currency, pointer)
    return shares


def read_stored_shares(given: Any) -> tuple[Share, ...]:
    """Read terms that were stored after `read_shares`."""
    return msgspec.convert(given, tuple[Share, ...])


def needed_parties(shares: Iterable[Share], owner: str, operator: str) -> list[str]:
    """Return the organisations whose acceptance a split needs: the owner and all it names.

    `partner` is not needed: a rebate goes to any subscriber, and only takes from the others.
    """
    needed = {owner}
    for name in parties_named(shares):
        if name == OPERATOR:
            needed.add(operator)
        elif name not in ROLES:
            needed.add(name)
    return sorted(needed)


def parties_named(shares: Iterable[Share]) -> set[str]:
    """Return all parties the terms name, by role or identifier."""
    return {name for share in shares for name in (share.party, share.paid_by) if name}


def to_minor(text: str, currency: str) -> int:
    """Convert an amount of a term to minor units."""
    return money.parse_amount(text, currency).amount_minor


def weights_at(shares: Iterable[Share], step_minor: int, currency: str) -> list[int]:
    """Return the basis points of each per cent term for the minor unit after `step_minor`."""
    return [_weight_at(share, step_minor, currency) for share in shares]


def _weight_at(share: Share, step_minor: int, currency: str) -> int:
    reached = (
        tier.weight
        for tier in share.tiers
        if tier.up_to is None or step_minor < to_minor(tier.up_to, currency)
    )
    return next(reached, share.weight)


def _check_sums(shares: Sequence[Share], currency: str, pointer: str) -> None:
    """Refuse per cents that do not sum to the whole in every tier."""
    dividing = [share for share in shares if share.kind == "per cent"]
    tiers = [tier.up_to for share in dividing for tier in share.tiers]
    for step in {0, *(to_minor(up_to, currency) for up_to in tiers if up_to is not None)}:
        if sum(weights_at(dividing, step, currency)) != WHOLE:
            raise wrong(
                pointer,
                f"must sum to {WHOLE} basis points, in every tier",
                f"各方分成之和在每一档均须为 {WHOLE} 个基点",
            )


def _kind(share: Share) -> tuple[str | int | None, ...]:
    return share.party, share.kind, share.scene, share.referrer, share.days


def _share(given: Mapping[str, Any], currency: str, pointer: str) -> Share:
    if set(given) not in _FORMS:
        raise wrong(
            pointer,
            "must have party and one of weight, tiers, fixed with per, or minimum with paid_by;"
            " only fixed goes with scene, referrer and days",
            "须包含 party 以及 weight、tiers、fixed 与 per、minimum 与 paid_by 四者之一；"
            "scene、referrer、days 仅与 fixed 同用",
        )
    try:
        share = msgspec.convert(given, Share)
    except msgspec.ValidationError as error:
        raise wrong(pointer, "has a value of the wrong type", "取值类型有误") from error
    for name in ("party", "paid_by"):
        if name in given:
            _check_party(given[name], f"{pointer}/{name}")
    if share.kind != "per cent":
        _check_amount(share, currency, pointer)
    elif share.tiers or "tiers" in given:
        _check_tiers(share.tiers, currency, f"{pointer}/tiers")
    else:
        _check_weight(share.weight, 1, f"{pointer}/weight")
    return share


def _check_party(party: str, pointer: str) -> None:
    if party not in ROLES and not identifiers.is_identifier(party, "org"):
        raise wrong(
            pointer,
            f"must be one of {', '.join(ROLES)}, or an organisation's identifier",
            f"须为 {'、'.join(ROLES)} 之一，或机构标识符",
        )


def _check_weight(weight: int, least: int, pointer: str) -> None:
    if not least <= weight <= WHOLE:
        raise wrong(
            pointer,
            f"must be a whole number of basis points from {least} to {WHOLE}",
            f"须为 {least} 至 {WHOLE} 的整数（基点）",
        )


def _check_tiers(tiers: Sequence[ShareTier], currency: str, pointer: str) -> None:
    """Refuse tiers unless they rise without a gap and only the last one is open."""
    for place, tier in enumerate(tiers):
        _check_weight(tier.weight, 0, f"{pointer}/{place}/weight")
        if tier.up_to is not None:
            _positive(tier.up_to, currency, f"{pointer}/{place}/up_to")
    ends = [to_minor(tier.up_to, currency) for tier in tiers if tier.up_to is not None]
    rising = all(one < other for one, other in pairwise(ends))
    is_open = bool(tiers) and tiers[-1].up_to is None and len(ends) == len(tiers) - 1
    if len(tiers) > PLAN_TIERS or not rising or not is_open:
        raise wrong(
            pointer,
            f"must be 1 to {PLAN_TIERS} tiers whose up_to rises; only the last has null",
            f"须为 1 至 {PLAN_TIERS} 档，up_to 逐档递增，且仅最后一档为 null",
        )


def _check_amount(share: Share, currency: str, pointer: str) -> None:
    """Check the fixed amount or minimum of a term, and the parties of a monthly one."""
    if share.per in ("call", "customer"):
        _check_reward(share, pointer)
        if share.paid_by is not None:
            raise wrong(pointer, "is paid by the line itself", "按次部分由该明细行本身承担")
        _check_price(share.fixed or "", f"{pointer}/fixed")
        return
    if share.paid_by is None or PARTNER in (share.party, share.paid_by):
        raise wrong(
            pointer,
            "by the month, must name in paid_by who pays; neither side can be partner",
            "按月条款须以 paid_by 指明付款方，且双方均不得为 partner",
        )
    if share.party == share.paid_by:
        raise wrong(f"{pointer}/paid_by", "must be another party", "须为另一方")
    name = "fixed" if share.fixed is not None else "minimum"
    _positive(share.fixed or share.minimum or "", currency, f"{pointer}/{name}")


def _check_reward(share: Share, pointer: str) -> None:
    """Check the scene, the referrer and the days of a term, in the grammar of calls."""
    if (share.per == "customer") != (share.days is not None):
        raise wrong(pointer, "must give days with per customer only", "days 仅与 per customer 同用")
    if share.days is not None and not 1 <= share.days <= _MOST_DAYS:
        raise wrong(f"{pointer}/days", f"must be 1 to {_MOST_DAYS}", f"须为 1 至 {_MOST_DAYS}")
    for name, label in (("scene", share.scene), ("referrer", share.referrer)):
        if label is None:
            continue
        if len(label) > LABEL_CHARACTERS or _LABEL.fullmatch(label) is None:
            raise wrong(
                f"{pointer}/{name}",
                f"must be a {name} as calls carry it: small letters, digits, dots, hyphens",
                "须为调用所携带的标签：小写字母、数字、点或连字符",
            )


def _check_price(text: str, pointer: str) -> None:
    try:
        price = money.parse_price(text)
    except ValueError:
        price = None
    if not price:
        raise wrong(
            pointer,
            "must be a positive decimal string such as 0.05, with at most 8 decimal places",
            "须为正的十进制字符串，例如 0.05，最多 8 位小数",
        )


def _positive(text: str, currency: str, pointer: str) -> None:
    try:
        amount_minor = to_minor(text, currency)
    except ValueError:
        amount_minor = 0
    if amount_minor <= 0:
        raise wrong(
            pointer,
            "must be a positive amount such as 100.00, in whole minor units",
            "须为正的金额，例如 100.00，且不超过币种的最小单位精度",
        )
