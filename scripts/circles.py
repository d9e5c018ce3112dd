"""Show circles of modules and arrows upwards, imports for types alone counted too.

    python scripts/circles.py

A circle is a set of modules each of which reaches every other by imports. An arrow upwards is an
import of a room from one that stands below it (`.importlinter`, the contract `rooms`). The status
is 1 when there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("weir", "weir_demo", "weir_sandbox")
Graph = Mapping[str, set[str]]


def graph(source: Path) -> dict[str, set[str]]:
    """Each module below `source` with the modules it imports; migrations are left out."""
    paths = {
        _name(path.relative_to(source)): path
        for package in PACKAGES
        for path in sorted((source / package).rglob("*.py"))
        if "migrations" not in path.parts
    }
    return {name: set(_imports(path, paths)) - {name} for name, path in paths.items()}


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for each in node.names:
                full = f"{node.module}.{each.name}"
                if full in known:
                    yield full
                elif node.module in known:
                    yield node.module


def circles(modules: Graph) -> list[list[str]]:
    """The strongly connected sets of more than one module (Tarjan), each in alphabetical order."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in sorted(modules[module]):
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            at = stack.index(module)
            members = sorted(stack[at:])
            del stack[at:]
            if len(members) > 1:
                found.append(members)

    for module in modules:
        if module not in order:
            visit(module)
    return found


def arrows_upwards(modules: Graph, rooms: Mapping[str, int]) -> list[tuple[str, str]]:
    """Imports of a room that stands no lower; `rooms` gives each its floor, 0 at the top."""
    return [
        (module, other)
        for module, others in modules.items()
        for other in sorted(others)
        if _room(module) != _room(other)
        and _room(module) in rooms
        and _room(other) in rooms
        and rooms[_room(other)] <= rooms[_room(module)]
    ]


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2]) if module.startswith("weir.") else module.split(".")[0]


def floors(linter: Path) -> dict[str, int]:
    """The floor of each room, as the contract `rooms` has them."""
    contracts = ConfigParser()
    contracts.read(linter)
    layers = contracts["importlinter:contract:rooms"]["layers"].split("\n")
    lines = [line for line in layers if line.strip()]
    return {
        room.strip(" ()"): floor for floor, line in enumerate(lines) for room in line.split("|")
    }


def main() -> int:
    modules = graph(ROOT / "src")
    round_about = circles(modules)
    upwards = arrows_upwards(modules, floors(ROOT / ".importlinter"))
    for members in round_about:
        print(f"circle of {len(members)}:", *members, sep="\n  ")
    for module, other in upwards:
        print(f"arrow upwards: {module} -> {other}")
    print(f"{len(modules)} modules, {len(round_about)} circles, {len(upwards)} arrows upwards")
    return 1 if round_about or upwards else 0


if __name__ == "__main__":
    sys.exit(main())
