"""Every type of consent is told of in the docs, and asks in both languages."""

from __future__ import annotations

import re

import pytest
from repository import ROOT

from weir.access.consent_types import PERMISSIONS
from weir.consent import words
from weir.consent.types import SCHEMAS

PAGE = (ROOT / "docs" / "authorization.md").read_text()


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_type_of_consent_is_told_of(name: str) -> None:
    assert f"`{name}`" in PAGE or f'"{name}"' in PAGE


@pytest.mark.parametrize("name", PERMISSIONS)
def test_every_permission_stands_beside_its_type(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \| (.+) \|$", PAGE, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", row)) == PERMISSIONS[name]


@pytest.mark.parametrize("name", PERMISSIONS)
def test_a_type_asks_in_both_languages(name: str) -> None:
    asked, headed = words.CHOICES[name]
    for said in (words.KINDS[name], words.question(name, ()), asked, headed):
        assert said.en.isascii()
        assert re.search("[\u4e00-\u9fff]", said.zh)
