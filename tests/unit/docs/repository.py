"""The repository as the tests of the docs see it: its pages, scripts, rooms and their contracts."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[3]
WEIR = ROOT / "src" / "weir"


def load_script(name: str) -> ModuleType:
    """A module of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages() -> list[Path]:
    """Every page of words in the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def folders() -> list[Path]:
    """Every folder of modules in src/weir, migrations left out."""
    inside = sorted(path.parent for path in WEIR.rglob("__init__.py"))
    return [each for each in inside if "migrations" not in each.parts]


def rooms() -> set[str]:
    """The names of the rooms."""
    return {each.name for each in folders() if each.parent == WEIR}


def wings(room: str) -> set[str]:
    """The names of a room's wings."""
    return {each.name for each in folders() if each.parent == WEIR / room}


def contracts() -> Iterator[dict[str, str]]:
    """The contracts of .importlinter, each by the names of its settings."""
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    for section in parser.sections():
        if section.startswith("importlinter:contract:"):
            yield dict(parser[section])


def layers(contract: dict[str, str]) -> set[str]:
    """The modules a contract of layers names, siblings (`a | b`) and optional ones (`(a)`) too."""
    names = contract.get("layers", "").replace("|", " ").replace(":", " ").split()
    return {name.strip("()") for name in names}
