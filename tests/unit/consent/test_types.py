"""Rich authorization requests: closed schemas, and what a schema cannot say."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.access import consent_types
from weir.consent import types
from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.consent.types import granted_details, parse_details
from weir.consent.words import ACTING, CHOICES, KINDS, PERMISSIONS, question
from weir.kernel.identifiers import is_slug
from weir.kernel.outcomes import Refusal

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
ACCESS: dict[str, Any] = {
    "type": "urn:weir:account-access:v1",
    "member": "river-bank",
    "permissions": ["ReadAccounts"],
    "purpose": "记账",
    "expires_at": "2027-06-01T00:00:00+08:00",
}
PAYMENT: dict[str, Any] = {
    "type": "urn:weir:payment-initiation:v1",
    "member": "river-bank",
    "amount": {"amount": "88.50", "currency": "CNY"},
    "payee": {"account": "6222000011112222", "name": "East Market"},
    "purpose": "Vegetables",
}


def refused(value: Any) -> str:
    """The pointer a value is refused at."""
    with pytest.raises(Refusal) as caught:
        parse_details(value if isinstance(value, str) else json.dumps(value), NOW)
    assert caught.value.outcome is OAUTH_INVALID_AUTHORIZATION_DETAILS
    return str(caught.value.public["pointer"])


def test_complete_entries_are_read() -> None:
    access = parse_details(json.dumps([ACCESS]), NOW)
    assert (access.member, access.purpose, access.single_use) == ("river-bank", "记账", False)
    assert access.expires_at == datetime(2027, 5, 31, 16, tzinfo=UTC)
    payment = parse_details(json.dumps([PAYMENT | {"reference": "A-1"}]), NOW)
    assert payment.single_use
    assert payment.expires_at is None
    assert types.payment_amount(payment.details).amount_minor == 8850


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        (ACCESS | {"extra": 1}, "/0"),
        ({k: v for k, v in ACCESS.items() if k != "purpose"}, "/0"),
        (ACCESS | {"type": "urn:weir:account-access:v2"}, "/0/type"),
        (ACCESS | {"type": 1}, "/0/type"),
        (ACCESS | {"member": "River"}, "/0/member"),
        (ACCESS | {"member": "river-bank\n"}, "/0/member"),
        (ACCESS | {"permissions": []}, "/0/permissions"),
        (ACCESS | {"permissions": ["ReadAll"]}, "/0/permissions/0"),
        (ACCESS | {"permissions": ["ReadAccounts", "ReadAccounts"]}, "/0/permissions"),
        (ACCESS | {"purpose": ""}, "/0/purpose"),
        (ACCESS | {"purpose": "p" * 201}, "/0/purpose"),
        (ACCESS | {"purpose": "pay\u202eyap"}, "/0/purpose"),
        (ACCESS | {"purpose": " padded"}, "/0/purpose"),
        (ACCESS | {"expires_at": "2027-06-01"}, "/0/expires_at"),
        (ACCESS | {"expires_at": "2027-06-01T00:00:00"}, "/0/expires_at"),
        (ACCESS | {"expires_at": "2027-13-01T00:00:00Z"}, "/0/expires_at"),
        (ACCESS | {"expires_at": NOW.isoformat()}, "/0/expires_at"),
        (ACCESS | {"expires_at": (NOW + timedelta(days=366)).isoformat()}, "/0/expires_at"),
        (PAYMENT | {"expires_at": ACCESS["expires_at"]}, "/0"),
        (PAYMENT | {"amount": {"amount": "88.5"}}, "/0/amount"),
        (PAYMENT | {"amount": {"amount": "88.500", "currency": "CNY"}}, "/0/amount/amount"),
        (PAYMENT | {"amount": {"amount": "-1", "currency": "CNY"}}, "/0/amount/amount"),
        (PAYMENT | {"amount": {"amount": "1e2", "currency": "CNY"}}, "/0/amount/amount"),
        (PAYMENT | {"amount": {"amount": "0.00", "currency": "CNY"}}, "/0/amount/amount"),
        (PAYMENT | {"amount": {"amount": 88, "currency": "CNY"}}, "/0/amount/amount"),
        (PAYMENT | {"amount": {"amount": "88", "currency": "XXX"}}, "/0/amount/currency"),
        (PAYMENT | {"payee": {"account": "6222/..", "name": "E"}}, "/0/payee/account"),
        (PAYMENT | {"payee": {"account": "6222\n", "name": "E"}}, "/0/payee/account"),
        (PAYMENT | {"payee": {"account": "6222", "name": "E\u202e"}}, "/0/payee/name"),
        (PAYMENT | {"payee": {"account": "6222", "name": "E", "bank": "x"}}, "/0/payee"),
        (PAYMENT | {"reference": "r" * 141}, "/0/reference"),
    ],
)
def test_each_fault_is_named_by_its_place(entry: dict[str, Any], pointer: str) -> None:
    assert refused([entry]) == pointer


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "null",
        "{}",
        "[]",
        "[1]",
        json.dumps([ACCESS, PAYMENT]),
        '[{"type":"a","type":"b"}]',
    ],
)
def test_anything_but_one_object_in_an_array_is_refused(value: str) -> None:
    assert refused(value) in ("", "/0/type")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_value_of_a_field_gets_through_unread(value: Any) -> None:
    for name in ("permissions", "expires_at", "member"):
        if not is_slug(str(value)):
            pointer = refused([ACCESS | {name: value}])
            held_no_nul = "\\u0000" not in json.dumps(value).replace(
                "\\\\", ""
            )  # JSON with it is refused as a whole
            assert pointer.startswith(f"/0/{name}") == held_no_nul


def test_what_is_granted_is_what_was_asked_and_on_what() -> None:
    assert granted_details(consent_types.ACCOUNT_ACCESS, ACCESS, ["b", "a"]) == ACCESS | {
        "accounts": ["a", "b"]
    }
    paid = granted_details(consent_types.PAYMENT_INITIATION, PAYMENT, ["a"])
    assert paid["debtor_account"] == "a"
    with pytest.raises(AssertionError):
        granted_details(consent_types.PAYMENT_INITIATION, PAYMENT, ["a", "b"])


def test_every_type_and_permission_has_words_for_the_consent_page() -> None:
    assert {each for names in consent_types.PERMISSIONS.values() for each in names} == set(
        PERMISSIONS
    )
    assert set(KINDS) == set(types.SCHEMAS)
    assert set(CHOICES) == set(consent_types.PERMISSIONS)
    for name, permissions in consent_types.PERMISSIONS.items():
        looking = set(permissions) - ACTING
        for asked in (permissions, looking or permissions):
            said = question(name, asked)
            for sentence in (said.en, said.zh):
                assert {"{application}", "{member}"} <= set(re.findall(r"\{\w+\}", sentence))
    assert set(PERMISSIONS) >= ACTING


@pytest.mark.parametrize("name", consent_types.PERMISSIONS)
def test_each_kind_of_access_permits_its_own_and_nothing_else(name: str) -> None:
    for permission in PERMISSIONS:
        entry = ACCESS | {"type": name, "permissions": [permission]}
        if permission in consent_types.PERMISSIONS[name]:
            assert parse_details(json.dumps([entry]), NOW).type == name
        else:
            assert refused([entry]) == "/0/permissions/0"
