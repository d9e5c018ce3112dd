"""Real documents are judged, and compared with themselves: nothing breaks, and it ends soon."""

from __future__ import annotations

from pathlib import Path

import pytest
from published_folder import published_documents

from weir.shelf.openapi.operations import import_document
from weir.shelf.openapi.regenerating import regenerate
from weir.shelf.standard.comparing import compare
from weir.shelf.standard.judging import judge

DOCUMENTS = published_documents()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_published_document_is_judged_and_equals_itself(path: Path) -> None:
    parsed, again = (import_document(path.read_bytes()) for _ in range(2))
    document = (regenerate(parsed), parsed.version)
    found = {each.rule for each in judge(*document)}
    assert {"label-missing", "level-known", "api-id-missing"} <= found
    assert "document-tangled" not in found
    assert compare(document, (regenerate(again), again.version)) == []
