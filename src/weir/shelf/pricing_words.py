"""Words for a pricing, in English and Chinese, to compare plans by. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from weir.shelf.pricing import (
    Component,
    Fixed,
    Hours,
    Package,
    PerCall,
    Pricing,
    Tier,
    Tiered,
    Value,
    Volume,
)

Language = Literal["en", "zh"]


def words(pricing: Pricing, currency: str, language: Language) -> list[str]:
    """Return one phrase for each component, then the tax; `free` when nothing is charged."""
    phrases = [_phrase(each, currency, language) for each in pricing.components]
    if not phrases:
        return ["free" if language == "en" else "免费"]
    if pricing.tax is not None:
        rate, name = percent(pricing.tax.rate), pricing.tax.name
        phrases.append(f"plus {rate} {name}" if language == "en" else f"另计 {name} {rate}")
    return phrases


def percent(fraction: str) -> str:
    """Write `0.006` as `0.6%`."""
    return f"{plain(str(Decimal(fraction) * 100))}%"


def plain(price: str) -> str:
    """Write a decimal string without needless zeros, its whole part grouped."""
    text = format(Decimal(price), ",f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _phrase(component: Component, currency: str, language: Language) -> str:
    english = language == "en"
    match component:
        case PerCall(price):
            return f"{currency} {plain(price)} {'a call' if english else '/ 次'}"
        case Tiered(tiers):
            return _steps(tiers, currency, "each call" if english else "逐档计价", language)
        case Volume(tiers):
            return _steps(tiers, currency, "all calls" if english else "按总量计价", language)
        case Package(price, calls, overage):
            return _package(plain(price), calls, plain(overage), currency, language)
        case Value(rate, floor, cap):
            return _value(percent(rate), floor, cap, currency, language)
        case Fixed(price):
            return f"{currency} {plain(price)} {'a month' if english else '/ 月'}"
        case Hours() as hours:
            return ("; " if english else "；").join(_bands(hours, currency, language))


def _steps(tiers: list[Tier], currency: str, lead: str, language: Language) -> str:
    parts = []
    for before, tier in zip([None, *tiers], tiers, strict=False):
        price = f"{currency} {plain(tier.price)}"
        start = before.up_to if before else None
        if tier.up_to is not None:
            up_to = f"{tier.up_to:,}"
            parts.append(f"{price} up to {up_to}" if language == "en" else f"至 {up_to} 次 {price}")
        elif start is None:
            parts.append(price)
        else:
            parts.append(f"{price} above" if language == "en" else f"以上 {price}")
    return f"{lead}: {', '.join(parts)}" if language == "en" else f"{lead}：{'，'.join(parts)}"


def _package(price: str, calls: int, overage: str, currency: str, language: Language) -> str:
    if language == "en":
        return f"{currency} {price} a month with {calls:,} calls, then {overage} a call"
    return f"每月 {currency} {price}，含 {calls:,} 次，超出每次 {overage}"


def _value(rate: str, floor: str, cap: str | None, currency: str, language: Language) -> str:
    english = language == "en"
    phrase = f"{rate} of the amount" if english else f"金额的 {rate}"
    if Decimal(floor):
        low = plain(floor)
        phrase += f", at least {currency} {low}" if english else f"，最低 {currency} {low}"
    if cap is not None:
        high = plain(cap)
        phrase += f", at most {currency} {high}" if english else f"，最高 {currency} {high}"
    return phrase


def _bands(hours: Hours, currency: str, language: Language) -> Iterator[str]:
    zone = f"UTC{hours.utc_offset_hours:+d}"
    for band in hours.bands:
        price, since = f"{currency} {plain(band.price)}", f"{band.since:02d}:00"
        if language == "en":
            yield f"{price} a call from {since} ({zone})"
        else:
            yield f"{since} 起每次 {price}（{zone}）"
