"""The reference page says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from weir.kernel.outcomes import Outcome
from weir.openapi import declares
from weir.openapi.object_rules import RESOLUTION_KEYWORDS

PAGE = (Path(__file__).parents[3] / "docs/reference/openapi-import.md").read_text(encoding="utf-8")
REFUSALS = {name for name, value in vars(declares).items() if isinstance(value, Outcome)}
BOUNDS = [name for name in vars(declares) if name.startswith("DOCUMENT_") and name not in REFUSALS]


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_of_documents_is_on_the_page_with_its_value(name: str) -> None:
    assert f"| `{name}` | {getattr(declares, name):,} |" in PAGE


@pytest.mark.parametrize("keyword", RESOLUTION_KEYWORDS)
def test_every_keyword_that_is_not_taken_is_on_the_page(keyword: str) -> None:
    assert f"`{keyword}`" in PAGE
