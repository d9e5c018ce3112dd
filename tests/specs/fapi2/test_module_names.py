"""The names of modules and the tests here say the same."""

from __future__ import annotations

import ast
from pathlib import Path

from module_names import MESSAGE_SIGNING, NOT_THERE, SECURITY_PROFILE

# Tests here that are twins of no module.
BESIDE = {Path(__file__).name, "test_every_refusal.py"}


def test_every_module_has_one_test_or_a_reason() -> None:
    named = [*SECURITY_PROFILE, *MESSAGE_SIGNING]
    assert len(set(named)) == len(named)
    assert set(NOT_THERE) <= set(named)
    tests = [
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        if path.name not in BESIDE
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_"
    ]
    wanted = ["test_" + name.replace("-", "_") for name in named if name not in NOT_THERE]
    assert sorted(tests) == sorted(wanted)
