"""Text is found by what people type of it, in either language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.shelf.declares import SEARCH_TERMS_ASKED
from weir.shelf.search import terms


def finds(asked: str, text: str) -> bool:
    """What PostgreSQL does with a tsquery of ours: every term, or the beginning of one."""
    held = set(terms.index_terms(text))
    for part in terms.query(asked).split(" & "):
        word, _, suffix = part.partition(":")
        word = word.strip("'")
        found = any(each.startswith(word) for each in held) if suffix else word in held
        if not found:
            return False
    return True


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("账户", "查询账户余额"),
        ("账户余额", "查询账户余额"),
        ("额", "查询账户余额"),
        ("余", "查询账户余额"),
        ("acc", "Accounts and transactions"),
        ("account", "Accounts and transactions"),
        ("accounts trans", "Accounts and transactions"),
        ("policies", "Read one policy"),
        ("balances", "getAccountBalances"),
        ("账户 balance", "账户 balances"),
        ("ＡＣＣＯＵＮＴ", "account"),
        ("credit", "Crédit Société"),
        ("crédit soc", "Credit societe"),
        ("cre\u0301dit", "Cr\u00e9dit"),
        ("open api", "OpenAPI"),
        ("/accounts/{account_id}", "GET /accounts/{account_id}"),
    ],
)
def test_what_is_typed_finds_the_text(asked: str, text: str) -> None:
    assert finds(asked, text)


@pytest.mark.parametrize(
    ("asked", "text"),
    [("余账", "账户余额"), ("户额", "账户余额"), ("count", "account"), ("贷款", "存款")],
)
def test_other_words_do_not(asked: str, text: str) -> None:
    assert not finds(asked, text)


@given(st.text(alphabet="账户余额交易ab cd1éß\u0301-'\\:&|!*\x00", max_size=60))
def test_every_beginning_of_a_text_finds_it(text: str) -> None:
    for end in range(1, len(text) + 1):
        asked = " ".join(text[:end].split())
        if terms.query(asked) and len(terms.runs(asked)) <= SEARCH_TERMS_ASKED // 4:
            assert finds(asked, text)


@given(st.text(max_size=100))
def test_a_query_and_a_vector_hold_only_what_was_quoted(text: str) -> None:
    for written in (terms.query(text), terms.vector((("A", text),))):
        assert written.count("'") % 2 == 0
        inside = "".join(written.split("'")[1::2])
        assert all(each.isalnum() for each in inside)
    assert len(terms.query(text).split(" & ")) <= SEARCH_TERMS_ASKED


@given(st.text(max_size=60), st.text(max_size=20))
def test_marking_changes_no_character(text: str, asked: str) -> None:
    assert "".join(piece for piece, _ in terms.mark_matches(text, asked)) == text


def test_marking_shows_what_was_asked_for() -> None:
    assert terms.mark_matches("查询账户余额", "账户") == [
        ("查询", False),
        ("账户", True),
        ("余额", False),
    ]
    assert terms.mark_matches("All accounts", "acc") == [
        ("All ", False),
        ("acc", True),
        ("ounts", False),
    ]
    assert terms.mark_matches("Read one policy", "policies") == [
        ("Read one ", False),
        ("policy", True),
    ]
    for accented in ("Cr\u00e9dite\u0301", "Cre\u0301dite\u0301"):
        assert terms.mark_matches(f"账 {accented}s", "credite") == [
            ("账 ", False),
            (accented, True),
            ("s", False),
        ]
