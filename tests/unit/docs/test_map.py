"""docs/map.md is what scripts/map.py writes, and every module can say what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from repository import ROOT, load_script

MAP = load_script("map")
FOLDERS = [
    folder for package in MAP.PACKAGES for folder in MAP.folders(ROOT / "src" / package)
]  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_every_module_begins_with_a_sentence(folder: Path) -> None:
    for module in (folder / "__init__.py", *MAP.modules(folder)):
        assert MAP.sentence(module)[-1] in ".?!"


def test_the_map_is_what_the_docstrings_say() -> None:
    assert MAP.PAGE.read_text() == MAP.page(), "run: python scripts/map.py"


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Money: whole minor units. Nothing is a float.", "Money: whole minor units."),
        ("Reads `a.py`. `b.py` writes.", "Reads `a.py`."),
        (
            "Tokens (RFC 9068 section\n2.1) as read.\n\nMore.",
            "Tokens (RFC 9068 section 2.1) as read.",
        ),
        ("May it be called? Yes.", "May it be called?"),
    ],
)
def test_the_first_sentence_ends_where_the_next_begins(
    tmp_path: Path, docstring: str, sentence: str
) -> None:
    module = tmp_path / "module.py"
    module.write_text(f'"""{docstring}"""\n')
    assert MAP.sentence(module) == sentence


@pytest.mark.parametrize("source", ["", "x = 1\n", '"""No end"""\n'])
def test_a_module_without_a_sentence_fails_by_its_name(tmp_path: Path, source: str) -> None:
    module = tmp_path / "module.py"
    module.write_text(source)
    with pytest.raises(ValueError, match=r"module\.py has no docstring"):
        MAP.sentence(module)
