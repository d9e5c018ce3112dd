"""Every command is in one table, is loaded only when asked for, and has its words in the docs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from weir.cli.main import build
from weir.kernel import rooms

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
HEAVY = ("sqlalchemy", "httpx", "cryptography", "weir.client", "weir.app.core", "duckdb", "pyarrow")


def commands() -> Iterator[str]:
    """Every command a person can type, as `weir app register`."""
    for name, entry in rooms.commands().items():
        if not entry.group:
            yield f"weir {name}"
            continue
        group: Any = next(
            each.typer_instance for each in build([name]).registered_groups if each.name == name
        )
        assert isinstance(group, typer.Typer)
        for each in group.registered_commands:
            yield f"weir {name} {each.name or getattr(each.callback, '__name__', '')}"


@pytest.mark.parametrize("name", rooms.commands())
def test_a_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(build([name]), [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage" in shown.output


def test_every_command_stands_in_the_docs_and_every_one_there_exists() -> None:
    written = set(
        re.findall(r"^\| `(weir [a-z -]+?)(?: [A-Z\[<{].*?)?` \|", PAGE.read_text(), re.M)
    )
    assert written == set(commands())


def test_every_command_says_what_it_does() -> None:
    for name, entry in rooms.commands().items():
        assert entry.help.endswith("."), name
        if not entry.group:
            target = next(e for e in build([name]).registered_commands if e.name == name)
            assert inspect.getdoc(target.callback), name


def test_asking_for_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from weir.cli.main import build\n"
        "CliRunner().invoke(build(['--help']), ['--help'])\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "[]"
