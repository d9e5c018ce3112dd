"""Formats of money, figures, moments and identifiers on a page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Final

from babel.dates import format_timedelta
from markupsafe import Markup, escape

from weir.kernel.money import Money, parse_amount
from weir.shelf.search.terms import mark_matches

# Pages show China's time, and say so.
ZONE: Final = timezone(timedelta(hours=8))
ZONE_NAME: Final = "UTC+8"
_SYMBOLS: Final = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def money(amount: Money) -> str:
    """Format money as `CNY 1,234.50`, with U+2212 for minus."""
    return str(amount)


def money_minor(amount_minor: int, currency: str) -> str:
    """Format whole minor units as money."""
    return str(Money(amount_minor, currency))


def amount_text(amount: dict[str, str]) -> str:
    """Format the amount object of a consent, grouped for reading, without its currency."""
    return bare(parse_amount(amount["amount"], amount["currency"]))


def bare(amount: Money) -> str:
    """Format money without its currency: `1,234.50`."""
    return str(amount).removeprefix(f"{amount.currency} ")


def symbol(currency: str) -> str:
    """Return the currency's sign where it is unmistakable beside its code, else an empty text."""
    return _SYMBOLS.get(currency, "")


def quantity(value: int | str | Decimal) -> str:
    """Format a count or an exact decimal, grouped, with U+2212 for minus."""
    return f"{Decimal(value):,}".replace("-", "\u2212")


def milliseconds(duration_us: int) -> str:
    """Format a duration in microseconds as milliseconds with one decimal, without the unit."""
    return quantity((Decimal(duration_us) / 1_000).quantize(Decimal("0.1")))


def exactly(value: str) -> str:
    """Format an exact figure of a statement; a fraction without finite decimals to four places."""
    if "/" not in value:
        return quantity(value)
    rounded = Decimal(round(Fraction(value) * 10_000)).scaleb(-4)
    return f"≈ {quantity(rounded)}"


def moment(at: datetime) -> Markup:
    """Format a moment to the second in the pages' zone, as a `<time>` element."""
    local = at.astimezone(ZONE)
    return Markup('<time datetime="{}">{} {}</time>').format(
        at.isoformat(timespec="seconds"), local.strftime("%Y-%m-%d %H:%M:%S"), ZONE_NAME
    )


def day(at: datetime) -> Markup:
    """Format a moment to the minute in the pages' zone, as a `<time>` element."""
    local = at.astimezone(ZONE)
    return Markup('<time datetime="{}">{} {}</time>').format(
        at.isoformat(timespec="seconds"), local.strftime("%Y-%m-%d %H:%M"), ZONE_NAME
    )


def zone(at: datetime) -> str:
    """Return the offset from UTC that a moment is written with: `UTC+8`, `UTC−3:30`, `UTC`."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    sign = "\u2212" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return "UTC" + (f"{sign}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")


def utc(at: datetime) -> Markup:
    """Format a moment to the minute in UTC, in which the periods of statements begin and end."""
    world = at.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="seconds"), world.strftime("%Y-%m-%d %H:%M")
    )


def period(name: str) -> str:
    """Format a statement's period: a month by its name, any other by its ends in UTC."""
    if "/" not in name:
        return name
    ends = (datetime.fromisoformat(each).astimezone(UTC) for each in name.split("/"))
    return " – ".join(f"{each:%Y-%m-%d %H:%M}" for each in ends) + " UTC"


def age(at: datetime, now: datetime, language: str) -> str:
    """Format the time since or until a moment: `3 minutes ago`, `3分钟前`."""
    locale = "zh_Hans" if language.startswith("zh") else "en"
    return format_timedelta(at - now, add_direction=True, locale=locale)


def found(text: str, asked: str) -> Markup:
    """Mark the words searched for in a text."""
    pieces = (
        f"<mark>{escape(piece)}</mark>" if hit else escape(piece)
        for piece, hit in mark_matches(text, asked)
    )
    return Markup("".join(pieces))  # noqa: S704 - each piece is escaped above


def paragraphs(text: str) -> Markup:
    """Format a document's text as paragraphs, split at blank lines; its markup is escaped."""
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return Markup("").join(Markup("<p>{}</p>").format(part) for part in parts if part)
