"""Pricing of a plan: a list of components, each of which charges for something else.

Read strictly and never changed once offered. All prices are decimal strings in major units of the
plan's currency with up to eight places; `weir.settlement.rating.charges` computes the charge of a
component, exactly, from counts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from weir.kernel import inputs, money
from weir.kernel.declares import NAME_CHARACTERS
from weir.shelf.declares import PLAN_COMPONENTS, PLAN_TIERS, QUOTA_CALLS

HOURS_A_DAY: Final = 24

_Kind = TypeVar("_Kind", bound=Struct)
_Price = Annotated[str, Meta(max_length=21)]
_Calls = Annotated[int, Meta(ge=1, le=QUOTA_CALLS)]
_Hour = Annotated[int, Meta(ge=0, le=HOURS_A_DAY - 1)]


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """Calls up to and including number `up_to` of the period; None is the last tier, open above."""

    up_to: _Calls | None
    price: _Price


class Band(Struct, frozen=True, forbid_unknown_fields=True):
    """The hours of a day from `since` up to the next band's."""

    since: _Hour
    price: _Price


class PerCall(Struct, frozen=True, forbid_unknown_fields=True, tag="per_call", tag_field="kind"):
    """Every call costs the same."""

    price: _Price


class Tiered(Struct, frozen=True, forbid_unknown_fields=True, tag="tiered", tag_field="kind"):
    """Each call costs the price of the tier it falls into."""

    tiers: list[Tier]


class Volume(Struct, frozen=True, forbid_unknown_fields=True, tag="volume", tag_field="kind"):
    """All calls cost the price of the tier that their number reaches."""

    tiers: list[Tier]


class Package(Struct, frozen=True, forbid_unknown_fields=True, tag="package", tag_field="kind"):
    """`price` a month includes `calls`; each further one costs `overage`."""

    price: _Price
    calls: _Calls
    overage: _Price


class Value(Struct, frozen=True, forbid_unknown_fields=True, tag="value", tag_field="kind"):
    """`rate` of the amount that each call moves, at least `floor` and at most `cap` a call.

    `rate` is a fraction: `0.006` is 0.6 per cent. Calls in another currency than the plan's, and
    calls that move no amount, cost nothing here.
    """

    rate: _Price
    floor: _Price = "0"
    cap: _Price | None = None


class Fixed(Struct, frozen=True, forbid_unknown_fields=True, tag="fixed", tag_field="kind"):
    """`price` a month for as long as a subscription stands, whether it is used or not."""

    price: _Price


class Hours(Struct, frozen=True, forbid_unknown_fields=True, tag="hours", tag_field="kind"):
    """A call costs the price of the hour in which it arrived, at `utc_offset_hours` from UTC."""

    utc_offset_hours: Annotated[int, Meta(ge=-12, le=14)]
    bands: list[Band]

    def step_at(self, utc_hour: int) -> int:
        """Return the index of the band that holds an hour of UTC (0 to 23).

        Before the first band of a day, it is the last one of the day before.
        """
        hour = (utc_hour + self.utc_offset_hours) % HOURS_A_DAY
        begun = sum(band.since <= hour for band in self.bands)
        return (begun or len(self.bands)) - 1

    def calls_within(self, step: int, by_utc_hour: Sequence[int]) -> int:
        """Return the number of calls in a band, given their counts by hour of UTC."""
        return sum(calls for hour, calls in enumerate(by_utc_hour) if self.step_at(hour) == step)


Component = PerCall | Tiered | Volume | Package | Value | Fixed | Hours
# Counts are kept once a plan, so two components that need different counts cannot both be there.
_ONCE: Final[tuple[type[Component], ...]] = (Value, Hours, Package, Fixed)


class Tax(Struct, frozen=True, forbid_unknown_fields=True):
    """A tax on top of the price: `rate` is a fraction, `0.06` is 6 per cent. The seller owes it."""

    name: Annotated[str, Meta(min_length=1, max_length=32)]
    rate: _Price


class Pricing(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A plan's price is the sum of its components; without any it is free."""

    components: list[Component]
    tax: Tax | None = None

    def find(self, kind: type[_Kind]) -> _Kind | None:
        """Return the component of a kind that a pricing may hold once; None without one."""
        return next((each for each in self.components if isinstance(each, kind)), None)


FREE: Final = Pricing([])


def read_pricing(document: Any, pointer: str = "/pricing") -> Pricing:
    """Read a plan's pricing from JSON values. INVALID_INPUT names the component that is wrong."""
    try:
        pricing = msgspec.convert(document, Pricing)
    except msgspec.ValidationError as error:
        raise inputs.wrong(
            pointer,
            f"is not a pricing: {_told(error)}",
            "不符合定价格式，请对照文档中的组成项与字段",
        ) from error
    check(pricing, pointer)
    return pricing


def check(pricing: Pricing, pointer: str = "/pricing") -> None:
    """Refuse a pricing with INVALID_INPUT at the first part that has no price, or two."""
    most = PLAN_COMPONENTS
    if len(pricing.components) > most:
        raise inputs.wrong(
            f"{pointer}/components", f"must be at most {most}", f"不得超过 {most} 项"
        )
    for kind in _ONCE:
        if sum(isinstance(each, kind) for each in pricing.components) > 1:
            raise inputs.wrong(
                f"{pointer}/components",
                "may hold a value, hours, package or fixed component once each",
                "其中 value、hours、package、fixed 各至多一项",
            )
    for index, component in enumerate(pricing.components):
        _check(component, f"{pointer}/components/{index}")
    if pricing.tax is not None:
        inputs.text(pricing.tax.name, f"{pointer}/tax/name")
        _fraction(pricing.tax.rate, f"{pointer}/tax/rate")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a pricing, without references."""
    (top,), named = msgspec.json.schema_components([Pricing], ref_template="{name}")

    def whole(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return whole(named[part["$ref"]])
            kept = {name: value for name, value in part.items() if name != "discriminator"}
            return {name: whole(value) for name, value in kept.items()}
        return [whole(each) for each in part] if isinstance(part, list) else part

    inlined: dict[str, Any] = whole(top)
    return inlined


def to_document(pricing: Pricing) -> dict[str, Any]:
    """Return the pricing as plain JSON values, which `read_pricing` reads back."""
    document: dict[str, Any] = msgspec.to_builtins(pricing)
    return document


def _told(error: msgspec.ValidationError) -> str:
    """Return msgspec's message, which names types and places and never a value."""
    return str(error)[:NAME_CHARACTERS]


def _check(component: Component, pointer: str) -> None:
    match component:
        case Tiered(tiers) | Volume(tiers):
            _check_tiers(tiers, f"{pointer}/tiers")
        case Hours(bands=bands):
            _check_bands(bands, f"{pointer}/bands")
        case Value(rate, floor, cap):
            _check_value(rate, floor, cap, pointer)
        case Package(price, _, overage):
            _price(price, f"{pointer}/price")
            _price(overage, f"{pointer}/overage")
        case PerCall(price) | Fixed(price):
            _price(price, f"{pointer}/price")


def _check_tiers(tiers: Sequence[Tier], pointer: str) -> None:
    """Refuse tiers unless they rise without a gap and only the last one is open."""
    ends = [tier.up_to for tier in tiers]
    closed = [end for end in ends[:-1] if end is not None]
    rising = all(one < other for one, other in pairwise(closed))
    if not 1 <= len(tiers) <= PLAN_TIERS or len(closed) != len(ends) - 1 or not rising:
        raise inputs.wrong(
            pointer,
            f"must be 1 to {PLAN_TIERS} tiers whose up_to rises; only the last has null",
            f"须为 1 至 {PLAN_TIERS} 档，up_to 逐档递增，且仅最后一档为 null",
        )
    if ends[-1] is not None:
        raise inputs.wrong(
            f"{pointer}/{len(tiers) - 1}/up_to",
            "must be null in the last tier, so that every call has a price",
            "最后一档必须为 null，使每次调用都有价格",
        )
    for index, tier in enumerate(tiers):
        _price(tier.price, f"{pointer}/{index}/price")


def _check_bands(bands: Sequence[Band], pointer: str) -> None:
    starts = [band.since for band in bands]
    if not 2 <= len(bands) <= HOURS_A_DAY or starts != sorted(set(starts)):
        raise inputs.wrong(
            pointer,
            "must be 2 to 24 bands whose hours rise",
            "须为 2 至 24 个时段，起始小时依次递增",
        )
    for index, band in enumerate(bands):
        _price(band.price, f"{pointer}/{index}/price")


def _check_value(rate: str, floor: str, cap: str | None, pointer: str) -> None:
    _fraction(rate, f"{pointer}/rate")
    lowest = _price(floor, f"{pointer}/floor")
    if cap is not None and _price(cap, f"{pointer}/cap") < lowest:
        raise inputs.wrong(f"{pointer}/cap", "must not be below the floor", "不得低于 floor")


def _price(text: str, pointer: str) -> Decimal:
    try:
        return money.parse_price(text)
    except ValueError as error:
        raise inputs.wrong(
            pointer,
            "must be a decimal string such as 0.05, with at most 8 decimal places",
            "须为十进制字符串，例如 0.05，最多 8 位小数",
        ) from error


def _fraction(text: str, pointer: str) -> None:
    if _price(text, pointer) > 1:
        raise inputs.wrong(
            pointer, "must be at most 1, which is 100 per cent", "不得超过 1（即 100%）"
        )
