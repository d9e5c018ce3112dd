"""No circle of modules and no arrow upwards, imports for types alone counted too."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[3]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("circles", ROOT / "scripts" / "circles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CIRCLES = load()


def test_no_module_reaches_itself_and_no_room_one_above_it() -> None:
    modules = CIRCLES.graph(ROOT / "src")
    assert len(modules) > 500
    assert CIRCLES.circles(modules) == []
    assert CIRCLES.arrows_upwards(modules, CIRCLES.floors(ROOT / ".importlinter")) == []


def test_a_circle_and_an_arrow_upwards_are_found() -> None:
    modules = {
        "weir.store.a": {"weir.store.b"},
        "weir.store.b": {"weir.store.c", "weir.kernel.d"},
        "weir.store.c": {"weir.store.a"},
        "weir.kernel.d": {"weir.store.e"},
        "weir.store.e": set(),
    }
    assert CIRCLES.circles(modules) == [["weir.store.a", "weir.store.b", "weir.store.c"]]
    upwards = CIRCLES.arrows_upwards(modules, {"weir.store": 0, "weir.kernel": 1})
    assert upwards == [("weir.kernel.d", "weir.store.e")]


def test_an_import_for_types_alone_counts(tmp_path: Path) -> None:
    room = tmp_path / "weir" / "store"
    room.mkdir(parents=True)
    guarded = (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from weir.store.two import A\n"
    )
    (room / "one.py").write_text(guarded)
    (room / "two.py").write_text("from weir.store import one\n\nA = one\n")
    modules = CIRCLES.graph(tmp_path)
    assert CIRCLES.circles(modules) == [["weir.store.one", "weir.store.two"]]
