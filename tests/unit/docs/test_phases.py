"""A phase of a call stands in the flow, in both tables that tell of it, and among what is compiled.

An interpreted phase gives the same answers several times slower, so nothing else would show it.
"""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Final

from repository import ROOT, WEIR, load_script

from weir.gateway import pipeline

SOURCES: Final = set(load_script("compile").sources())
# Only calls of products that ask for signed messages run these, and cryptography is their cost.
SIGNED_MESSAGES: Final = {"signature.py", "signed_answer.py"}


def phases() -> set[Path]:
    found = set((WEIR / "gateway" / "phases").glob("*.py"))
    return {each for each in found if each.name != "__init__.py"}


def test_every_phase_of_a_call_is_compiled() -> None:
    names = {str(each.relative_to(WEIR)) for each in phases() if each.name not in SIGNED_MESSAGES}
    assert len(names) >= 10
    assert names - SOURCES == set(), "name it in COMPILED of gateway/declares.py"


def told() -> list[str]:
    """The phases in the order of the table above the pipeline. Compiled, it has no docstring."""
    words = ast.get_docstring(ast.parse((WEIR / "gateway" / "pipeline.py").read_text()))
    rows = re.findall(r"^\| (\w+) \|.*\| (\w+\.py) \|$", str(words), re.MULTILINE)
    assert all(file == f"{phase}.py" for phase, file in rows)
    return [phase for phase, _ in rows]


def test_the_table_of_the_pipeline_is_the_flow() -> None:
    assert told()[: len(pipeline.BEFORE)] == [phase.__name__ for phase in pipeline.BEFORE]


def test_the_refusals_of_the_flow_are_those_of_its_phases() -> None:
    assert list(pipeline.REFUSALS) == [phase.__name__ for phase in pipeline.BEFORE]
    for phase, refusals in pipeline.REFUSALS.items():
        module = import_module(f"weir.gateway.phases.{phase}")
        assert refusals == module.REFUSALS, phase


def test_the_docs_show_the_flow() -> None:
    page = (ROOT / "docs" / "gateway.md").read_text()
    assert f"`{' -> '.join(told())}`" in page
