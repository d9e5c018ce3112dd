"""Rules for money and time: one way to write each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.fields import Field
from weir.openapi.standard.rules import Checked, Place, Rule

# The last word of a name decides: `instructedAmount` is money, `amountOfRows` is not.
_MONEY: Final = frozenset(
    ("amount", "balance", "price", "fee", "fees", "premium", "principal", "interest", "turnover")
)
_MOMENT: Final = frozenset(("at", "datetime", "timestamp"))
_DAY: Final = frozenset(("date", "birthday"))
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_HOURS: Final = ("date-time", "time")


def money_is_no_float(reading: Reading) -> Iterator[Place]:
    for field in _bodies(reading):
        if _last(field) in _MONEY and "number" in _types(field.schema):
            yield field.pointer, f"{field.name}: number"


def money_has_a_pattern(reading: Reading) -> Iterator[Place]:
    for field in _bodies(reading):
        text = _last(field) in _MONEY and _types(field.schema) == {"string"}
        if text and not {"pattern", "format", "enum", "const"} & set(field.schema):
            yield field.pointer, field.name


def moments_are_rfc_3339(reading: Reading) -> Iterator[Place]:
    for field in _bodies(reading):
        types = _types(field.schema)
        if _last(field) not in _MOMENT or not types:
            continue
        if types & {"integer", "number"}:
            yield field.pointer, f"{field.name}: {', '.join(sorted(types))}"
        elif "string" in types and field.schema.get("format") != "date-time":
            yield field.pointer, f"{field.name}: {field.schema.get('format', 'string')}"


def days_are_rfc_3339(reading: Reading) -> Iterator[Place]:
    for field in _bodies(reading):
        day = _last(field) in _DAY and "string" in _types(field.schema)
        if day and field.schema.get("format") not in ("date", *_HOURS):
            yield field.pointer, field.name


def _bodies(reading: Reading) -> Iterator[Field]:
    for field in reading.fields:
        if field.side in ("request", "response"):
            yield field


def _last(field: Field) -> str:
    words = _WORD.findall(field.name)
    if [each.lower() for each in words[-2:]] == ["date", "time"]:
        return "datetime"
    return words[-1].lower() if words else ""


def _types(schema: dict[str, Any]) -> set[str]:
    """Return the types a schema names, without null (OpenAPI 3.1 writes a list of them)."""
    named = schema.get("type", [])
    listed = [named] if isinstance(named, str) else named
    return {each for each in listed if isinstance(each, str)} - {"null"}


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "money-exact",
            "error",
            "An amount of money is decimal text, or a whole number of minor units; never a number.",
            "金额使用十进制文本，或以最小货币单位表示的整数，不得使用 number 类型。",
            "JSON numbers become binary floats, which cannot hold 0.10 exactly.",
            "JSON 数值会变为二进制浮点数，无法精确表示 0.10。",
            'Write type: string with a pattern, as in "12.30", or an integer called amount_minor.',
            "改为带 pattern 的 string（如“12.30”），或名为 amount_minor 的整数。",
            "RFC 8259 section 6; ISO 20022 ActiveCurrencyAndAmount",
        ),
        money_is_no_float,
    ),
    (
        Rule(
            "money-pattern",
            "warning",
            "An amount written as text has a pattern.",
            "以文本表示的金额须有 pattern。",
            'Without one "1,000.5", "1e3" and "12.3" are all taken.',
            "否则“1,000.5”“1e3”“12.3”都会被接受。",
            "Add a pattern that fixes the digits behind the point.",
            "添加 pattern，固定小数位数。",
            "ISO 20022 ActiveCurrencyAndAmount; ISO 4217 (minor units)",
        ),
        money_has_a_pattern,
    ),
    (
        Rule(
            "time-moment",
            "error",
            "A moment is text of the format date-time, with its offset.",
            "时间点使用 date-time 格式的文本，并带时区偏移。",
            "Seconds or milliseconds, Beijing or UTC: a bare number does not say.",
            "单纯的数字无法说明是秒还是毫秒、北京时间还是 UTC。",
            'Write type: string, format: date-time, as in "2026-03-03T09:00:00+08:00".',
            "改为 type: string、format: date-time，例如“2026-03-03T09:00:00+08:00”。",
            "RFC 3339 section 5.6",
        ),
        moments_are_rfc_3339,
    ),
    (
        Rule(
            "time-day",
            "warning",
            "A day is text of the format date.",
            "日期使用 date 格式的文本。",
            "03/04/2026 is two days, depending on who reads it.",
            "03/04/2026 因人而异，可能是不同的两天。",
            'Write format: date, as in "2026-03-03".',
            "改为 format: date，例如“2026-03-03”。",
            "RFC 3339 section 5.6",
        ),
        days_are_rfc_3339,
    ),
)
