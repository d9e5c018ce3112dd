"""The data plane behaves the same compiled and interpreted, and says which it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA_PLANE = ("tests/unit/wire", "tests/unit/gateway")
_SAY = "from weir import compiled; print(compiled.is_used())"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The sources without anything that was compiled of them."""
    left_out = shutil.ignore_patterns("*.so", "compiled.json", "__pycache__")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=left_out)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path / "src"


def test_the_tests_of_the_data_plane_pass_interpreted(sources: Path) -> None:
    assert run("-c", _SAY, PYTHONPATH=str(sources)).stdout == "False\n"
    ran = run("-m", "pytest", "-q", "-x", *DATA_PLANE, PYTHONPATH=str(sources))
    assert ran.returncode == 0, ran.stdout


def test_without_a_compiler_one_line_says_so(sources: Path) -> None:
    script = str(sources.parent / "scripts" / "compile.py")
    ran = run(script, CC="no-such-compiler")
    assert ran.returncode == 0
    assert ran.stdout == (
        "The data plane runs interpreted, several times slower: there is no C compiler.\n"
    )
