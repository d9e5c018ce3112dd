"""Which outcomes a step can refuse with, read from the source: its own, and those of every function
of the authorization server that it comes to call.

What engines and other rooms refuse with (an engine that cannot be reached) is any step's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import weir
from weir.authorization.pipeline import Step
from weir.kernel.outcomes import Outcome

_SOURCE = Path(weir.__file__).parents[1]
_ROOMS = (
    "weir.authorization",
    "weir.consent.types",
    "weir.consent.grant_changes",
    "weir.consent.narrower_details",
)
Place = tuple[str, str]  # a module and a name in it


def outcomes_of(step: Step) -> frozenset[Outcome]:
    """Every outcome that the step can end a request with."""
    found: set[Outcome] = set()
    seen: set[Place] = set()
    left = [(step.__module__, step.__name__)]
    while left:
        place = left.pop()
        if place in seen:
            continue
        seen.add(place)
        for named in _named(place):
            if named[0].endswith(".declares"):
                outcome = getattr(import_module(named[0]), named[1], None)
                if isinstance(outcome, Outcome):
                    found.add(outcome)
            else:
                left.append(named)
    return frozenset(found)


@cache
def _named(place: Place) -> tuple[Place, ...]:
    """What the function or class at this place speaks of, each where it is defined."""
    module, name = place
    if not module.startswith(_ROOMS) or not _file(module).is_file():
        return ()
    imported, defined = _module(module)
    if name not in defined:
        return ()  # of a class, or of somebody else's
    return tuple(_references(module, defined[name], imported, defined))


def _references(
    module: str, node: ast.AST, imported: dict[str, str], defined: dict[str, ast.AST]
) -> Iterator[Place]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            whole = imported.get(each.value.id)
            if whole is not None:
                yield whole, each.attr
            elif each.value.id == "exchange":
                yield "weir.authorization.exchange", f"Exchange.{each.attr}"
        elif isinstance(each, ast.Name):
            if each.id in defined:
                yield module, each.id
            elif each.id in imported:
                origin, _, name = imported[each.id].rpartition(".")
                yield origin, name


@cache
def _module(name: str) -> tuple[dict[str, str], dict[str, ast.AST]]:
    """What a module imports, by the names it gives, and what it defines at its top."""
    tree = ast.parse(_file(name).read_text())
    imported: dict[str, str] = {}
    defined: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            imported |= {
                each.asname or each.name: f"{node.module}.{each.name}" for each in node.names
            }
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defined[node.name] = node
        elif isinstance(node, ast.ClassDef):
            defined |= {
                f"{node.name}.{each.name}": each
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {each.id: node for each in targets if isinstance(each, ast.Name)}
    return imported, defined


def _file(module: str) -> Path:
    path = _SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
