"""Output on the terminal: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

_UNBOUNDED: Final = 4_000  # columns

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def show_list(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print a list. `columns` are the fields that people need first."""
    if as_json:
        show_json(rows)
        return
    if not rows:
        print("There are none yet.")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_UNBOUNDED)  # a pipe has no width
    table = Table(box=None, pad_edge=False)
    for name in columns:
        # Identifiers are shown in full: people copy them into the next command.
        table.add_column(_title(name), no_wrap=name == "id", overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in columns))
    console.print(table)


def show_one(value: Mapping[str, Any], as_json: bool) -> None:
    """Print one object with a field in each line."""
    if as_json:
        show_json(value)
        return
    width = max((len(name) for name in value), default=0)
    for name, each in value.items():
        print(f"{_title(name):{width}}  {_text(each)}")


def show_json(value: Any) -> None:
    """Print JSON, indented, in UTF-8."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return words[0].upper() + words[1:]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value) or "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
