"""The part of a granted entry that one token is asked for (RFC 9396 section 6); pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weir.consent.declares import AUTHORIZATION_FORM_BYTES, OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads

_LISTS: Final = ("permissions", "accounts")  # the members of which a token may have fewer values


def narrowed(raw: str, granted: Mapping[str, Any]) -> dict[str, Any]:
    """Return `granted`, or less of it, as the `authorization_details` of a token request say.

    The one entry names the type. Any other member it has is the granted one, but that
    `permissions` and `accounts` may be some of the granted ones; what it leaves out stays as
    granted. OAUTH_INVALID_AUTHORIZATION_DETAILS for anything that was not granted.
    """
    asked = _entry(raw)
    if asked.get("type") != granted["type"]:
        raise _refused("/0/type", "is not the granted type")
    fewer: dict[str, Any] = {}
    for name, value in asked.items():
        if name in granted and value == granted[name]:
            continue
        if name not in _LISTS or name not in granted:
            raise _refused(f"/0/{name}" if name in granted else "/0", "is not as it was granted")
        fewer[name] = _some_of(granted[name], value, f"/0/{name}")
    return {**granted, **fewer}


def _entry(raw: str) -> dict[str, Any]:
    try:
        entries = loads(raw, AUTHORIZATION_FORM_BYTES)
    except ValueError as error:
        raise _refused("", "not JSON") from error
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise _refused("", "must be an array of exactly one object")
    return entries[0]


def _some_of(granted: list[str], asked: Any, pointer: str) -> list[str]:
    """Return the granted values that are asked for, at least one, in their order."""
    if not isinstance(asked, list) or not asked or any(each not in granted for each in asked):
        raise _refused(pointer, "holds what was not granted")
    return [each for each in granted if each in asked]


def _refused(pointer: str, reason: str) -> Refusal:
    detail = f"{pointer} {reason}".strip()
    return Refusal(OAUTH_INVALID_AUTHORIZATION_DETAILS, detail, pointer=pointer, why=reason)
