"""A room declares what it brings, and the closed lists hold what rooms declare and nothing else."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from weir.app.settings import Settings
from weir.kernel import rooms
from weir.kernel.declarations import Lock
from weir.kernel.outcomes import Outcome

WEIR = Path(rooms.__file__).parents[1]
TABLES = {
    "BOUNDS",
    "COMMANDS",
    "COMPILED",
    "EVENTS",
    "JOBS",
    "PAGES",
    "PERIODIC",
    "PERMISSIONS",
    "PREFIXES",
    "ROUTERS",
    "STEPS",
}
VALUES = {"kernel", "access"}  # rooms that declarations may be made of


def source(module: ModuleType) -> Path:
    return Path(str(module.__file__)).with_name("declares.py")


def own_names(module: ModuleType) -> set[str]:
    """The names a module defines, without those it imports."""
    tree = ast.parse(source(module).read_text())
    assigned = {
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return assigned | {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


def is_declaration(name: str, value: Any) -> bool:
    if name in TABLES:
        return isinstance(value, dict | tuple)
    if name == "Settings":
        return is_dataclass(value)
    return isinstance(value, Outcome | Lock | int | float)


def test_every_folder_of_code_is_a_room_and_every_room_a_folder() -> None:
    folders = {path.parent.name for path in WEIR.glob("*/__init__.py")}
    # What a partner installs declares nothing: it knows kernel alone.
    assert folders - {"client"} == set(rooms.ROOMS)


@pytest.mark.parametrize("module", rooms.declarations(), ids=lambda each: each.__name__)
def test_a_room_declares_nothing_that_no_list_is_made_of(module: ModuleType) -> None:
    unknown = {name for name in own_names(module) if not is_declaration(name, vars(module)[name])}
    assert unknown == set()


@pytest.mark.parametrize("module", rooms.declarations(), ids=lambda each: each.__name__)
def test_declarations_load_nothing_but_values(module: ModuleType) -> None:
    imported = re.findall(r"^from (\S+) import", source(module).read_text(), re.MULTILINE)
    loaded = {name.split(".")[1] for name in imported if name.startswith("weir.")}
    others = {name.split(".")[0] for name in imported if not name.startswith("weir.")}
    assert loaded <= VALUES
    assert others <= {
        "__future__",
        "collections",
        "dataclasses",
        "mypy_extensions",
        "pathlib",
        "typing",
    }


def test_a_rooms_own_file_loads_nothing() -> None:
    """Declarations are read where nothing is installed: by scripts/compile.py, for a wheel."""
    loads = [room for room in rooms.ROOMS if "import" in (WEIR / room / "__init__.py").read_text()]
    assert loads == []


def test_a_name_that_two_rooms_declare_is_refused() -> None:
    first, second = ModuleType("weir.one.declares"), ModuleType("weir.two.declares")
    vars(first)["EVENTS"] = vars(second)["EVENTS"] = {"period.closed": ("It closed.", "关账。")}
    assert rooms.compose("EVENTS", (first,)) == vars(first)["EVENTS"]
    with pytest.raises(AssertionError, match=r"weir\.two\.declares declares period\.closed"):
        rooms.compose("EVENTS", (first, second))


def test_every_setting_of_a_room_is_a_setting_of_the_platform() -> None:
    declared = [vars(each)["Settings"] for each in rooms.declarations() if "Settings" in vars(each)]
    inherited = [each for each in Settings.__mro__[1:] if each is not object]
    assert sorted(map(str, declared)) == sorted(map(str, inherited))


def test_no_lock_is_taken_past_the_list() -> None:
    takes = {
        str(path.relative_to(WEIR))
        for path in WEIR.rglob("*.py")
        if "versions" not in path.parts and "_advisory_" in path.read_text()
    }
    assert takes == {"store/locks.py", "jobs/slots.py"}
    assert len(rooms.locks()) >= 15


def test_what_is_compiled_is_there() -> None:
    missing = [
        name
        for name in rooms.compiled_modules()
        if not (WEIR / f"{name.replace('.', '/')}.py").exists()
    ]
    assert missing == []


def test_every_limit_of_a_room_is_used() -> None:
    words = Counter(
        word for path in WEIR.rglob("*.py") for word in re.findall(r"\w+", path.read_text())
    )
    limits = {
        name
        for module in rooms.declarations()
        for name in own_names(module)
        if isinstance(vars(module)[name], int | float)
    }
    assert {name for name in limits if words[name] < 2} == set()
