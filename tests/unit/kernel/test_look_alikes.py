"""Look-alike names have one form, and names that people tell apart have two."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.look_alikes import folded


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("River Bank", "RIVER-BANK"),
        ("River Bank", "river  bank."),
        ("River Bank", "R\u0456ver B\u0430nk"),  # Cyrillic
        ("River Bank", "R1ver Bank"),
        ("River Bank", "Rlver Bank"),
        ("River Bank", "R\u00edver B\u00e0nk"),
        ("River Bank", "\uff32iver Bank"),  # full width
        ("River Bank", "\U0001d411iver Bank"),  # mathematical
        ("River Bank", "R|ver Bank"),
        ("River Bank", "River Bank\u2122"),
        ("River Bank", "River Bank \u00ae"),
        ("Summit", "Surnmit"),
        ("Pool", "P00l"),
        ("江河银行", "江河銀行"),
        ("江河银行", "江 河·银行"),
        ("工商银行", "\u2f2f商银行"),  # the radical of work
    ],
)
def test_look_alikes_have_one_form(name: str, other: str) -> None:
    assert folded(name) == folded(other) != ""


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("River Bank", "Rivers Bank"),
        ("River Bank", "Lake Bank"),
        ("江河银行", "江海银行"),
        ("民生银行", "生银行"),
        ("飞马", "齐鱼"),
        ("Bank 2", "Bank 3"),
        ("Lantern Life", "Lantern Lite"),
    ],
)
def test_names_that_people_tell_apart_have_two(name: str, other: str) -> None:
    assert folded(name) != folded(other)


@given(st.text(max_size=40))
def test_case_and_spaces_make_no_difference(name: str) -> None:
    assert folded(f"  {name} ") == folded(name)
    assert folded(folded(name)) == folded(name)


def test_no_character_of_a_name_folds_to_nothing() -> None:
    """Or many names of it would be one, and one party could hold them all."""
    ideographs = (chr(each) for each in range(0x4E00, 0xA000))
    letters = (chr(each) for each in range(0x21, 0x2000))
    kinds = {"Lu", "Ll", "Lo", "Nd"}
    worded = (each for each in (*ideographs, *letters) if category(each) in kinds)
    assert [each for each in worded if not folded(each)] == []
