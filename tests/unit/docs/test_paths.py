"""Every file of the repository that a page names is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from repository import ROOT, pages

FOLDERS: Final = (ROOT, ROOT / "src", ROOT / "src" / "weir")
SOURCES: Final = ("src", "tests", "checks", "bench", "scripts")
# `room/file.py` or `file.py`; a name in capitals stands for any (`gateway/phases/PHASE.py`).
PATH = re.compile(r"(?<![\w/.<>{}-])((?:[\w.-]+/)*[\w-]+\.(?:py|po|html))(?![\w/])")
FOLDER = re.compile(rf"`((?:{'|'.join(SOURCES)}|docs)/(?:[\w.-]+/)*)`")
MODULE = re.compile(r"`(weir(?:_[a-z]+)?(?:\.[a-z_0-9]+){2,})")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
# Files that a page lets its reader write.
WRITTEN_BY_READERS: Final = {"first_token.py", "rate.py"}
KEPT_OUT: Final = {"bench/work/"}  # made by benchmarks, never committed


@cache
def known_names() -> set[str]:
    return {path.name for folder in SOURCES for path in (ROOT / folder).rglob("*.*")}


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def is_placeholder(path: str) -> bool:
    return any(part.isupper() for part in re.split(r"[/.]", path))


def module_exists(dotted: str) -> bool:
    """Whether a dotted name begins with a module: what follows are names within it."""
    path = ROOT / "src"
    for part in dotted.split("."):
        path = path / part
        if path.with_suffix(".py").exists():
            return True
        if not path.is_dir():
            return False
    return True


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_a_page_names_is_there(page: Path) -> None:
    text = prose(page)
    named = {path for path in PATH.findall(text) if not is_placeholder(path)}
    bare = {path for path in named if "/" not in path}
    assert bare - known_names() - WRITTEN_BY_READERS == set()
    missing = {path for path in named - bare if not any((at / path).exists() for at in FOLDERS)}
    assert missing == set()
    folders = set(FOLDER.findall(text)) - KEPT_OUT
    assert {path for path in folders if not (ROOT / path).is_dir()} == set()
    assert {each for each in MODULE.findall(text) if not module_exists(each)} == set()


@pytest.mark.parametrize("gone", ["src/weir/app.py", "settlement/working.py", "weir_demo/none.py"])
def test_a_path_that_is_not_there_is_seen(gone: str) -> None:
    assert PATH.findall(f"`{gone}`, and see {gone}.") == [gone, gone]
    assert not any((at / gone).exists() for at in FOLDERS)
