"""The reference page says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from weir.kernel import limits
from weir.openapi.object_rules import RESOLUTION_KEYWORDS

PAGE = (Path(__file__).parents[4] / "docs/reference/openapi-import.md").read_text(encoding="utf-8")
BOUNDS = [name for name in vars(limits) if name.startswith("DOCUMENT_")]


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_of_documents_is_on_the_page_with_its_value(name: str) -> None:
    assert f"| `{name}` | {getattr(limits, name):,} |" in PAGE


@pytest.mark.parametrize("keyword", RESOLUTION_KEYWORDS)
def test_every_keyword_that_is_not_taken_is_on_the_page(keyword: str) -> None:
    assert f"`{keyword}`" in PAGE
