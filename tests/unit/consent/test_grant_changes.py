"""What a grant becomes: merging takes nothing away, replacing leaves nothing behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.access.consent_types import ACCOUNT_ACCESS, PAYMENT_INITIATION
from weir.consent import grant_changes
from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.consent.grant_changes import Action, accounts_after, changed_request, difference
from weir.consent.types import ConsentRequest
from weir.consent.words import PERMISSIONS
from weir.kernel.outcomes import Refusal

NOW = datetime(2027, 3, 1, tzinfo=UTC)
PERMISSION_LISTS = st.lists(st.sampled_from(sorted(PERMISSIONS)), min_size=1, unique=True)
ACCOUNT_LISTS = st.lists(st.sampled_from(["acc-1", "acc-2", "acc-3"]), min_size=1, unique=True)
DAYS = st.integers(1, 365)
ENTRIES = st.tuples(PERMISSION_LISTS, ACCOUNT_LISTS, DAYS)
Asked = tuple[list[str], list[str], int]


def asked(permissions: list[str], days: int, **changed: Any) -> ConsentRequest:
    ends = NOW + timedelta(days=days)
    details = {
        "type": ACCOUNT_ACCESS,
        "member": "river-bank",
        "permissions": permissions,
        "purpose": "Books",
        "expires_at": ends.isoformat(),
    } | changed
    return ConsentRequest(details["type"], details["member"], "Books", details, ends)


def granted(permissions: list[str], accounts: list[str], days: int) -> dict[str, Any]:
    return {**asked(permissions, days).details, "accounts": accounts}


def applied(action: Action, before: dict[str, Any], change: Asked) -> dict[str, Any]:
    """The granted entry after a change."""
    permissions, accounts, days = change
    details = changed_request(action, before, asked(permissions, days)).details
    return {**details, "accounts": accounts_after(action, before, accounts)}


def rights(entry: dict[str, Any]) -> set[tuple[str, str]]:
    return {(p, a) for p in entry["permissions"] for a in entry["accounts"]}


@given(ENTRIES, ENTRIES)
def test_a_merge_takes_nothing_away_and_gives_all_that_was_asked(had: Asked, new: Asked) -> None:
    before = granted(*had)
    after = applied("merge", before, new)
    assert rights(before) | rights(granted(*new)) <= rights(after)
    assert set(after["permissions"]) == set(had[0]) | set(new[0])
    assert after["accounts"] == sorted(set(had[1]) | set(new[1]))
    assert datetime.fromisoformat(after["expires_at"]) == NOW + timedelta(days=max(had[2], new[2]))


@given(ENTRIES, ENTRIES)
def test_a_replacement_is_what_was_asked_and_nothing_else(had: Asked, new: Asked) -> None:
    assert applied("replace", granted(*had), new) == granted(new[0], sorted(new[1]), new[2])


@given(ENTRIES, ENTRIES)
def test_the_same_change_twice_is_one_change(had: Asked, new: Asked) -> None:
    for action in ("merge", "replace"):
        once = applied(action, granted(*had), new)
        assert applied(action, once, new) == once


@given(ENTRIES, ENTRIES, st.sampled_from(["merge", "replace"]))
def test_the_customer_is_shown_every_permission_once(
    had: Asked, new: Asked, action: Action
) -> None:
    before = granted(*had)
    after = changed_request(action, before, asked(new[0], new[2]))
    shown = difference(before, after)
    assert {*shown.permissions_added, *shown.permissions_kept} == set(after.details["permissions"])
    assert {*shown.permissions_kept, *shown.permissions_ended} == set(had[0])
    assert not set(shown.permissions_added) & set(had[0])
    assert shown.ends_after == after.expires_at
    if action == "merge":
        assert shown.permissions_ended == ()


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [({"type": PAYMENT_INITIATION}, "/0/type"), ({"member": "lake-bank"}, "/0/member")],
)
def test_a_grant_keeps_its_type_and_its_institution(changed: dict[str, str], pointer: str) -> None:
    before = granted(["ReadAccounts"], ["acc-1"], 9)
    grant_changes.require_same_kind(before, asked(["ReadBalances"], 5))
    with pytest.raises(Refusal) as refused:
        grant_changes.require_same_kind(before, asked(["ReadBalances"], 5, **changed))
    assert refused.value.outcome is OAUTH_INVALID_AUTHORIZATION_DETAILS
    assert refused.value.public["pointer"] == pointer
