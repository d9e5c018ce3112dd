"""Write docs/map.md: a line a file, by room and wing, from the docstrings of the modules.

`python scripts/map.py` writes; `tests/unit/docs` fails when the page is not what this writes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "map.md"
PACKAGES = ("weir", "weir_demo", "weir_sandbox")
_WRITTEN = "<!-- Written by scripts/map.py from docstrings; edit those, not this page. -->\n"
_OPENING = """\
# Map

A line a file, by room and wing. How the rooms stand on each other:
[architecture](architecture.md). What the words mean: [glossary](glossary.md). How a thing is added:
[recipes](recipes/README.md).
"""
# A sentence ends with its mark before the next one, which begins with a capital letter or with the
# name of a module (`pipeline.py` shows ...), or at the end of the paragraph.
_SENTENCE = re.compile(r"(.+?[.?!])(?=\s+[A-Z`]|\s*\Z)", re.DOTALL)


def page() -> str:
    """The whole page."""
    parts = [_WRITTEN + _OPENING]
    for package in PACKAGES:
        parts.extend(_folder(folder) for folder in folders(ROOT / "src" / package))
    return "\n".join(parts)


def folders(package: Path) -> list[Path]:
    """The package and every folder of modules in it, migrations left out, in alphabetical order."""
    inside = sorted(path.parent for path in package.rglob("__init__.py"))
    return [each for each in inside if "migrations" not in each.parts]


def modules(folder: Path) -> list[Path]:
    """The modules of a folder, its `__init__` left out, in alphabetical order."""
    return sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")


def sentence(module: Path) -> str:
    """The first sentence of a module's docstring. Raises ValueError where there is none."""
    words = ast.get_docstring(ast.parse(module.read_text()))
    paragraph = (words or "").split("\n\n")[0]
    found = _SENTENCE.match(" ".join(paragraph.split()))
    if found is None:
        raise ValueError(f"{module} has no docstring that begins with a sentence")
    return found[1]


def _folder(folder: Path) -> str:
    """A heading, what the folder is for, and a line a module."""
    path = folder.relative_to(ROOT / "src")
    lines = [f"{'#' * min(len(path.parts) + 1, 4)} `{path}/`", ""]
    lines += [sentence(folder / "__init__.py"), *_table(folder)]
    return "\n".join(lines) + "\n"


def _table(folder: Path) -> Iterator[str]:
    rows = [f"| `{each.name}` | {_cell(sentence(each))} |" for each in modules(folder)]
    if rows:
        yield from ("", "| file | subject |", "| --- | --- |", *rows)


def _cell(words: str) -> str:
    return words.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page())
