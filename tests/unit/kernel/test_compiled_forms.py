"""A compiled form is used only while it was made from the very sources that lie beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from weir import compiled

SOURCE = b"ANSWER = 42\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / "flow.py").write_bytes(SOURCE)
    sources = {"wire/flow.py": hashlib.sha256(SOURCE).hexdigest()}
    (tmp_path / compiled.MANIFEST).write_text(json.dumps({"sources": sources}))
    return tmp_path


def test_unchanged_sources_are_fresh(folder: Path) -> None:
    assert compiled.is_fresh(folder)


def test_an_edited_source_is_not_run_in_its_old_form(folder: Path) -> None:
    (folder / "wire" / "flow.py").write_bytes(SOURCE + b"# edited\n")
    assert not compiled.is_fresh(folder)


def test_a_removed_source_is_not_run(folder: Path) -> None:
    (folder / "wire" / "flow.py").unlink()
    assert not compiled.is_fresh(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"sources": []}'])
def test_without_a_manifest_that_can_be_read_nothing_compiled_is_used(
    folder: Path, text: str
) -> None:
    (folder / compiled.MANIFEST).write_text(text)
    assert not compiled.is_fresh(folder)
    (folder / compiled.MANIFEST).unlink()
    assert not compiled.is_fresh(folder)


def test_sources_only_finds_the_source_beside_a_compiled_module() -> None:
    from weir.wire import flow

    package = [str(Path(compiled.__file__).parent / "wire")]
    found = compiled.SourcesOnly().find_spec("weir.wire.flow", package)
    assert found is not None
    assert found.origin == str(Path(package[0]) / "flow.py")
    assert compiled.SourcesOnly().find_spec("json.decoder", package) is None
    assert flow.__name__ == "weir.wire.flow"
