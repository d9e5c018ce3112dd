"""How figures, moments and identifiers are written on a page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Final

from babel.dates import format_timedelta
from markupsafe import Markup, escape

from weir.kernel.money import Money, parse_amount
from weir.shelf.search.terms import marked

# Pages show China's time, and say so.
ZONE: Final = timezone(timedelta(hours=8))
ZONE_NAME: Final = "UTC+8"
_SYMBOLS: Final = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def money(amount: Money) -> str:
    """`CNY 1,234.50`, with U+2212 for minus."""
    return str(amount)


def money_minor(amount_minor: int, currency: str) -> str:
    """Whole minor units as money."""
    return str(Money(amount_minor, currency))


def amount_text(amount: dict[str, str]) -> str:
    """An amount object of a consent, grouped for reading, without its currency."""
    return bare(parse_amount(amount["amount"], amount["currency"]))


def bare(amount: Money) -> str:
    """The figure alone: `1,234.50`."""
    return str(amount).removeprefix(f"{amount.currency} ")


def symbol(currency: str) -> str:
    """The currency's sign where it is unmistakable beside its code, else nothing."""
    return _SYMBOLS.get(currency, "")


def quantity(value: int | str | Decimal) -> str:
    """A count or an exact decimal, grouped, with U+2212 for minus."""
    return f"{Decimal(value):,}".replace("-", "\u2212")


def milliseconds(duration_us: int) -> str:
    """A duration to the tenth of a millisecond, without its unit."""
    return quantity((Decimal(duration_us) / 1_000).quantize(Decimal("0.1")))


def exactly(value: str) -> str:
    """An exact figure of a statement; one whose decimals never end is shown to four places."""
    if "/" not in value:
        return quantity(value)
    rounded = Decimal(round(Fraction(value) * 10_000)).scaleb(-4)
    return f"≈ {quantity(rounded)}"


def moment(at: datetime) -> Markup:
    """A moment in the pages' zone, machine-readable too."""
    local = at.astimezone(ZONE)
    return Markup('<time datetime="{}">{} {}</time>').format(
        at.isoformat(timespec="seconds"), local.strftime("%Y-%m-%d %H:%M:%S"), ZONE_NAME
    )


def day(at: datetime) -> Markup:
    """The moment to the minute."""
    local = at.astimezone(ZONE)
    return Markup('<time datetime="{}">{} {}</time>').format(
        at.isoformat(timespec="seconds"), local.strftime("%Y-%m-%d %H:%M"), ZONE_NAME
    )


def zone(at: datetime) -> str:
    """The offset from UTC that a moment is written with: `UTC+8`, `UTC−3:30`, `UTC`."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    sign = "\u2212" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return "UTC" + (f"{sign}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")


def utc(at: datetime) -> Markup:
    """A moment in UTC to the minute: how periods of statements begin and end."""
    world = at.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="seconds"), world.strftime("%Y-%m-%d %H:%M")
    )


def period(name: str) -> str:
    """A statement's period as people read it: a month as it is named, else its ends in UTC."""
    if "/" not in name:
        return name
    ends = (datetime.fromisoformat(each).astimezone(UTC) for each in name.split("/"))
    return " – ".join(f"{each:%Y-%m-%d %H:%M}" for each in ends) + " UTC"


def age(at: datetime, now: datetime, language: str) -> str:
    """How long ago, or until when: `3 minutes ago`, `3分钟前`."""
    locale = "zh_Hans" if language.startswith("zh") else "en"
    return format_timedelta(at - now, add_direction=True, locale=locale)


def found(text: str, asked: str) -> Markup:
    """A text with what was asked for marked in it."""
    pieces = (
        f"<mark>{escape(piece)}</mark>" if hit else escape(piece)
        for piece, hit in marked(text, asked)
    )
    return Markup("".join(pieces))  # noqa: S704 - each piece is escaped above


def paragraphs(text: str) -> Markup:
    """What a document's author wrote, a blank line between paragraphs; nothing in it is markup."""
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return Markup("").join(Markup("<p>{}</p>").format(part) for part in parts if part)
