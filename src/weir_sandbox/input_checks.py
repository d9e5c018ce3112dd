"""Checks of callers' input: bodies, query values, idempotency keys, names in paths."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Final, TypeVar

import msgspec
from starlette.datastructures import QueryParams

from weir_sandbox.problems import INVALID, MALFORMED, NOT_FOUND, Problem

IDEMPOTENCY_HEADER: Final = "x-idempotency-key"

_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}\Z")
_NUMBER: Final = re.compile(r"[0-9]{1,18}\Z")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

Line = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,140}\Z")]
"""One line of text a person wrote: no control characters, at most 140 characters."""

T = TypeVar("T")


def read_json(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Read a body as its type. MALFORMED names the field, never the value."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Problem(MALFORMED, _place(str(error))) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Problem(MALFORMED, "the body is not JSON") from None


def _place(message: str) -> str:
    """Return a sentence with the place msgspec names in its message, as `$.amount.currency`."""
    if match := re.search(r"`(\$[A-Za-z0-9_.\[\]]*)`\Z", message):
        return f"the value at {match[1]} is missing or not as described"
    if match := re.search(r"field `([a-z_]{1,64})`", message):
        return f"the field {match[1]} is missing or unknown"
    return "the body is not as described"


def fingerprint(request: object) -> bytes:
    """Return the SHA-256 over a request's meaning, so that spacing and order do not matter."""
    return hashlib.sha256(msgspec.json.encode(request)).digest()


def idempotency_key(value: str | None) -> str:
    """Return the caller's key, 1 to 128 visible ASCII characters. MALFORMED otherwise."""
    if value is None or not _KEY.match(value):
        raise Problem(MALFORMED, f"the header {IDEMPOTENCY_HEADER} is missing or malformed")
    return value


def query_values(query: QueryParams, allowed: Iterable[str]) -> Mapping[str, str]:
    """Return the query as a mapping. MALFORMED for unknown and repeated names."""
    pairs = query.multi_items()
    values = dict(pairs)
    if len(values) != len(pairs) or not values.keys() <= set(allowed):
        raise Problem(MALFORMED, "the query holds an unknown or repeated name")
    return values


def whole(values: Mapping[str, str], name: str, default: int, highest: int, lowest: int = 1) -> int:
    """Return a whole number from the query. MALFORMED when it is out of its bounds."""
    value = values.get(name)
    if value is None:
        return default
    if not _NUMBER.match(value) or not lowest <= int(value) <= highest:
        raise Problem(MALFORMED, f"{name} must be a whole number from {lowest} to {highest}")
    return int(value)


def day(values: Mapping[str, str], name: str) -> date | None:
    """Return a calendar day from the query, as `2026-01-31`. MALFORMED for another text."""
    value = values.get(name)
    if value is None:
        return None
    try:
        if not _DATE.match(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise Problem(MALFORMED, f"{name} must be a day such as 2026-01-31") from None


def choice(values: Mapping[str, str], name: str, among: Iterable[str]) -> str | None:
    """Return one of a closed list of words from the query. MALFORMED for another."""
    value = values.get(name)
    if value is not None and value not in among:
        raise Problem(MALFORMED, f"{name} is not one of the described values")
    return value


def named(value: str, pattern: re.Pattern[str]) -> str:
    """Return a name from the path; 404 for one that cannot exist."""
    if not pattern.fullmatch(value):
        raise Problem(NOT_FOUND)
    return value


def positive(minor: int, field: str) -> int:
    """Return an amount that is more than zero. INVALID otherwise."""
    if minor <= 0:
        raise Problem(INVALID, f"{field} must be more than zero")
    return minor
