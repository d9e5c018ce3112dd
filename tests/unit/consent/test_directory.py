"""A member's answer is hostile input too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.consent.directory import Account, choose, parse
from weir.kernel.declares import INVALID_INPUT, MEMBER_BROKEN_ANSWER
from weir.kernel.outcomes import Outcome, Refusal

ONE = {
    "account_id": "acc-1",
    "name": "工资卡",
    "masked_number": "6217 **** 8842",
    "currency": "CNY",
}


VALUES = st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=4)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def body(*accounts: Any) -> bytes:
    return json.dumps({"accounts": list(accounts)}).encode()


def test_accounts_are_read_and_unknown_fields_ignored() -> None:
    (account,) = parse(body(ONE | {"balance": "1.00"}))
    assert account == Account("acc-1", "工资卡", "6217 **** 8842", "CNY")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"accounts": {}}',
        b'{"accounts": [], "accounts": []}',
        body(1),
        body(ONE | {"account_id": "../x"}),
        body(ONE | {"account_id": ""}),
        body(ONE | {"currency": "XXX"}),
        body(ONE | {"name": "a\u202eb"}),
        body(ONE | {"name": "n" * 81}),
        body(ONE | {"masked_number": None}),
        body(ONE, ONE),
        body(*(ONE | {"account_id": f"a{n}"} for n in range(201))),
    ],
)
def test_anything_else_is_a_broken_answer(answer: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        parse(answer)
    assert refused.value.outcome is MEMBER_BROKEN_ANSWER


def outcome_of(answer: bytes) -> Sequence[Account] | Outcome:
    try:
        return parse(answer)
    except Refusal as refusal:
        return refusal.outcome


@given(st.binary(max_size=200) | st.dictionaries(st.just("accounts"), VALUES).map(as_json))
def test_no_bytes_do_more_than_break_the_answer(answer: bytes) -> None:
    outcome = outcome_of(answer)
    assert outcome is MEMBER_BROKEN_ANSWER or outcome == []


@pytest.mark.parametrize("chosen", [[], ["acc-2"], ["acc-1", "acc-2"]])
def test_a_customer_chooses_among_own_accounts_only(chosen: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        choose(parse(body(ONE)), chosen)
    assert refused.value.outcome is INVALID_INPUT
