"""Strict grammars for what comes from outside; a refusal names the place and never the value."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel import identifiers, inputs
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal


def refused(read: Callable[[str, str], str], value: str) -> bool:
    try:
        read(value, "/here")
    except Refusal as refusal:
        given = refusal
    else:
        return False
    assert given.outcome is INVALID_INPUT
    assert given.public.keys() == {"pointer", "why", "why_zh"}
    assert given.public["pointer"] == "/here"
    return True


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,46}[a-z0-9])?", fullmatch=True))
def test_a_slug_is_kept_as_it_is(value: str) -> None:
    assert inputs.slug(value, "/here") == value
    assert "_" not in value, "or it could be taken for an identifier"


@given(st.text(max_size=60))
def test_what_is_no_slug_is_refused(value: str) -> None:
    assert refused(inputs.slug, value) is not identifiers.is_slug(value)


@given(st.text(max_size=200))
def test_a_name_is_visible_and_normal_or_refused(value: str) -> None:
    if refused(inputs.text, value):
        return
    kept = inputs.text(value, "/here")
    assert kept == unicodedata.normalize("NFC", value)
    assert kept == kept.strip()
    assert inputs.text(kept, "/here") == kept


@pytest.mark.parametrize(
    "value", ["", " ", "a ", "a\n", "a\u202eb", "a\u200bb", "a\x00", "x" * 121]
)
def test_names_that_deceive_the_eye_are_refused(value: str) -> None:
    assert refused(inputs.text, value)


def test_prose_keeps_lines_and_loses_nothing_else() -> None:
    assert inputs.prose("a\r\nb\n", "/here") == "a\nb"
    assert refused(inputs.prose, "a\x1bb")
    assert refused(inputs.prose, "x" * 4_001)


@pytest.mark.parametrize(
    "value",
    ["https://bank.example", "https://127.0.0.1:9101", "https://[::1]:9101/api", "https://a/b/c"],
)
def test_a_service_address_is_kept(value: str) -> None:
    assert inputs.https_url(value, "/here") == value


@pytest.mark.parametrize(
    "value",
    [
        "http://bank.example",
        "https://bank.example/",
        "https://bank.example?",
        "https://bank.example#",
        "https://bank.example?a=b",
        "https://u:p@bank.example",
        "https://bank.example:0",
        "https://bank.example:65536",
        "https://bank.example:",
        "https://-bank.example",
        "https://bank..example",
        "https://Bank.example",
        "https://bank.example/a/../b",
        "https://bank.example/%zz\\",
        "https://bank.example/a b",
        "https:bank.example",
        "//bank.example",
        "https://" + "a" * 3_000,
    ],
)
def test_an_address_that_two_parsers_could_read_differently_is_refused(value: str) -> None:
    assert refused(inputs.https_url, value)


@given(st.text(max_size=50))
def test_no_text_makes_the_address_reader_fail_otherwise(value: str) -> None:
    refused(inputs.https_url, value)
    refused(inputs.https_url, f"https://{value}")


def test_only_plain_digits_are_a_number() -> None:
    read = {text: inputs.digits(text) for text in ("0", " 12 ", "007", "9" * 15)}
    assert read == {"0": 0, " 12 ": 12, "007": 7, "9" * 15: 10**15 - 1}
    for text in ("", "-1", "+1", "1.0", "1_0", "²", "١", "１２", "1 2", "9" * 16, "1e3"):
        assert inputs.digits(text) is None, text
    assert inputs.digits("12345", 4) is None


@pytest.mark.parametrize(
    "blank",
    [
        "\u3164",
        "\u115f",
        "\u2800",
        "\u17b4",
        "\u034f",
        "\ufe0f",
        "\U000e0041",
        "a\u3164b",
        "—",
        "…",
    ],
)
def test_text_that_cannot_be_seen_is_refused(blank: str) -> None:
    with pytest.raises(Refusal) as refused:
        inputs.text(blank, "/purpose")
    assert refused.value.outcome is INVALID_INPUT


def test_piles_of_combining_marks_are_refused_and_written_languages_are_not() -> None:
    for reader in (inputs.text, inputs.prose):
        with pytest.raises(Refusal):
            reader("a" + "\u0335" * 60, "/purpose")
        for word in ("Tiếng Việt", "ภาษาไทยที่นี่", "हिन्दी", "江河银行", "Zoë"):
            assert reader(word, "/purpose") == word
