"""Schemas of the consent types (RFC 9396), each closed, and the reading of requests by them.

The version is part of the name: a changed meaning is a new type, and old consents keep theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from weir.access import consent_types
from weir.access.consent_types import PAYMENT_INITIATION, PAYMENTS, RECURRING_PAYMENT
from weir.consent import recurring_payments
from weir.consent.declares import (
    AUTHORIZATION_FORM_BYTES,
    CONSENT_LIFETIME_DAYS,
    OAUTH_INVALID_AUTHORIZATION_DETAILS,
    PURPOSE_CHARACTERS,
)
from weir.kernel import inputs
from weir.kernel.limit_periods import ALIGNMENTS, PERIODS
from weir.kernel.money import MINOR_DIGITS, Money, parse_amount
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads

# `$` alone would permit a line feed at the end: the validator uses Python's patterns, not ECMA-262.
_SLUG = {"type": "string", "pattern": r"^[a-z](?:[a-z0-9-]{0,46}[a-z0-9])?$(?!\n)"}
_ACCOUNT = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)"}
_PURPOSE = {"type": "string", "minLength": 1, "maxLength": PURPOSE_CHARACTERS}
_REFERENCE = {"type": "string", "minLength": 1, "maxLength": 140}
_MOMENT_TEXT = {"type": "string", "maxLength": 40}
_AMOUNT_TEXT = {"type": "string", "maxLength": 19}
_CURRENCY = {"enum": sorted(MINOR_DIGITS)}
_PAYEE = {
    "type": "object",
    "required": ["account", "name"],
    "additionalProperties": False,
    "properties": {
        "account": _ACCOUNT,
        "name": {"type": "string", "minLength": 1, "maxLength": 100},
    },
}


def _access(name: str, permissions: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema of a consent type for data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["type", "member", "permissions", "purpose", "expires_at"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": name},
            "member": _SLUG,
            "permissions": {
                "type": "array",
                "items": {"enum": sorted(permissions)},
                "minItems": 1,
                "uniqueItems": True,
            },
            "purpose": _PURPOSE,
            "expires_at": _MOMENT_TEXT,
        },
    }


SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    **{name: _access(name, permissions) for name, permissions in consent_types.PERMISSIONS.items()},
    PAYMENT_INITIATION: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["type", "member", "amount", "payee", "purpose"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": PAYMENT_INITIATION},
            "member": _SLUG,
            "amount": {
                "type": "object",
                "required": ["amount", "currency"],
                "additionalProperties": False,
                "properties": {"amount": _AMOUNT_TEXT, "currency": _CURRENCY},
            },
            "payee": _PAYEE,
            "purpose": _PURPOSE,
            "reference": _REFERENCE,
        },
    },
    RECURRING_PAYMENT: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": [
            "type", "member", "payee", "currency", "maximum_individual_amount",
            "periodic_limits", "purpose", "valid_from", "expires_at",
        ],
        "additionalProperties": False,
        "properties": {
            "type": {"const": RECURRING_PAYMENT},
            "member": _SLUG,
            "payee": _PAYEE,
            "currency": _CURRENCY,
            "maximum_individual_amount": _AMOUNT_TEXT,
            "periodic_limits": {
                "type": "array",
                "minItems": 1,
                "maxItems": len(PERIODS),
                "items": {
                    "type": "object",
                    "required": ["period", "alignment", "amount"],
                    "additionalProperties": False,
                    "properties": {
                        "period": {"enum": list(PERIODS)},
                        "alignment": {"enum": list(ALIGNMENTS)},
                        "amount": _AMOUNT_TEXT,
                    },
                },
            },
            "purpose": _PURPOSE,
            "reference": _REFERENCE,
            "valid_from": _MOMENT_TEXT,
            "expires_at": _MOMENT_TEXT,
        },
    },
}  # fmt: skip

_VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}

# RFC 3339 with an offset, so that the time is the same everywhere.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """One validated entry of `authorization_details`: a request for a consent.

    `details` is the entry as the client sent it. `expires_at` is None for a single payment, whose
    lifetime begins with the grant.
    """

    type: str
    member: str
    purpose: str
    details: dict[str, Any]
    expires_at: datetime | None

    @property
    def single_use(self) -> bool:
        return is_single_use(self.type)

    @property
    def pays(self) -> bool:
        return is_payment(self.type)


def is_payment(type_name: str | None) -> bool:
    """Whether a consent of this type moves money, from one account."""
    return type_name in PAYMENTS


def is_single_use(type_name: str) -> bool:
    """Whether a consent of this type is used up by one call."""
    return type_name == PAYMENT_INITIATION


def parse_details(raw: str, now: datetime) -> ConsentRequest:
    """Read the `authorization_details` parameter (RFC 9396 section 2).

    It has one entry, since a customer answers one request at a time. Refusal
    OAUTH_INVALID_AUTHORIZATION_DETAILS names the place by JSON pointer, and the reason.
    """
    try:
        entries = loads(raw, AUTHORIZATION_FORM_BYTES)
    except ValueError as error:
        raise _wrong("", "not JSON", str(error)) from error
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise _wrong("", "must be an array of exactly one object")
    return parse_entry(entries[0], now)


def parse_entry(entry: dict[str, Any], now: datetime) -> ConsentRequest:
    """Check one entry against the schema of its type, and then by rules no schema can express.

    Refusal OAUTH_INVALID_AUTHORIZATION_DETAILS.
    """
    name = entry.get("type")
    validator = _VALIDATORS.get(name) if isinstance(name, str) else None
    if validator is None:
        raise _wrong("/0/type", "not a type this server grants")
    for error in _errors(validator, entry):
        raise _wrong("/0" + _pointer(error), _reason(error), error.message)
    for pointer, value in _texts(entry):
        _plain(value, pointer)
    assert isinstance(name, str)
    expires_at = None if is_single_use(name) else _end(entry, now)
    if name == PAYMENT_INITIATION:
        _amount(entry["amount"])
    elif name == RECURRING_PAYMENT:
        _recurring(entry, now)
    return ConsentRequest(name, entry["member"], entry["purpose"], entry, expires_at)


def _errors(validator: Draft202012Validator, entry: dict[str, Any]) -> Iterator[ValidationError]:
    """Yield errors in a fixed order, so that a request is always refused for the same reason."""
    yield from sorted(
        validator.iter_errors(entry), key=lambda error: (_pointer(error), str(error.validator))
    )


def payment_amount(details: dict[str, Any]) -> Money:
    """Return the amount in a validated payment entry."""
    return parse_amount(details["amount"]["amount"], details["amount"]["currency"])


def granted_details(
    request_type: str, details: dict[str, Any], accounts: list[str]
) -> dict[str, Any]:
    """Return the granted entry (RFC 9396 section 7): the requested one with the chosen accounts.

    It has `debtor_account` for a payment, and `accounts` for other types.
    """
    if is_payment(request_type):
        assert len(accounts) == 1, "a payment leaves one account"
        return {**details, "debtor_account": accounts[0]}
    return {**details, "accounts": sorted(accounts)}


def _moment(entry: dict[str, Any], name: str) -> datetime:
    try:
        if _MOMENT.fullmatch(entry[name]) is None:
            raise ValueError
        return datetime.fromisoformat(entry[name])
    except ValueError as error:
        raise _wrong(f"/0/{name}", "not an RFC 3339 date and time with offset") from error


def _end(entry: dict[str, Any], now: datetime) -> datetime:
    end = _moment(entry, "expires_at")
    if not now < end <= now + timedelta(days=CONSENT_LIFETIME_DAYS):
        raise _wrong("/0/expires_at", f"must lie ahead, at most {CONSENT_LIFETIME_DAYS} days")
    return end


def _amount(value: dict[str, str]) -> None:
    try:
        amount = parse_amount(value["amount"], value["currency"])
    except ValueError as error:
        raise _wrong("/0/amount/amount", "not an amount of this currency") from error
    if amount.amount_minor == 0:
        raise _wrong("/0/amount/amount", "must be more than zero")


def _recurring(entry: dict[str, Any], now: datetime) -> None:
    since = _moment(entry, "valid_from")
    if since < now - timedelta(days=CONSENT_LIFETIME_DAYS):
        raise _wrong("/0/valid_from", f"lies over {CONSENT_LIFETIME_DAYS} days back")
    try:
        recurring_payments.check(recurring_payments.read(entry))
    except recurring_payments.IncoherentError as error:
        raise _wrong(f"/0{error.pointer}", str(error)) from error


def _texts(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the free texts of an entry as (JSON pointer, text).

    Customers read them, so they must not have characters that mislead.
    """
    yield "/0/purpose", entry["purpose"]
    if "payee" in entry:
        yield "/0/payee/name", entry["payee"]["name"]
    if "reference" in entry:
        yield "/0/reference", entry["reference"]


def _plain(value: str, pointer: str) -> None:
    try:
        inputs.text(value, pointer, max_characters=len(value))
    except Refusal as error:
        raise _wrong(pointer, "must be visible text without space around it") from error


def _pointer(error: ValidationError) -> str:
    """The JSON pointer of an error, with names of the schema only, never a caller's own name."""
    return "".join(f"/{part}" for part in error.absolute_path)


def _reason(error: ValidationError) -> str:
    return {
        "required": "a field is missing",
        "additionalProperties": "holds a field that is not known here",
        "enum": "not one of the known values",
        "type": "of the wrong JSON type",
    }.get(str(error.validator), "not in its required form")


def _wrong(pointer: str, reason: str, detail: str = "") -> Refusal:
    return Refusal(
        OAUTH_INVALID_AUTHORIZATION_DETAILS,
        f"{pointer} {reason} {detail}".strip(),
        pointer=pointer,
        why=reason,
    )
