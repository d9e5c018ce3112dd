"""Real documents are judged, and compared with themselves: nothing breaks, and it ends soon."""

from __future__ import annotations

from pathlib import Path

import pytest
from published_folder import published_documents

from weir.openapi.operations import import_document
from weir.openapi.regeneration import regenerate
from weir.openapi.standard.comparison import compare
from weir.openapi.standard.lint import judge

DOCUMENTS = published_documents()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_published_document_is_judged_and_equals_itself(path: Path) -> None:
    parsed, again = (import_document(path.read_bytes()) for _ in range(2))
    document = (regenerate(parsed), parsed.version)
    found = {each.rule for each in judge(*document)}
    assert {"label-missing", "level-known", "api-id-missing"} <= found
    assert "document-tangled" not in found
    assert compare(document, (regenerate(again), again.version)) == []
