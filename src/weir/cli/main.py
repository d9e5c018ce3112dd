"""The command `weir`: rooms declare its commands, and only the one asked for is loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import typer

from weir.kernel.declarations import BOOKS_PANEL, PARTIES_PANEL, RUN_PANEL, SHELF_PANEL, Command
from weir.kernel.rooms import commands

_HELP: Final = (
    "weir: an open-finance platform for banks, partners and their customers.\n\n"
    "Begin with `weir demo`, which shows everything in a minute or two, or with `weir up`,\n"
    "which starts the platform on this machine. `weir COMMAND --help` explains a command."
)


# The order of the panels in the help.
_PANELS: Final = (RUN_PANEL, PARTIES_PANEL, SHELF_PANEL, BOOKS_PANEL)


def build(arguments: Sequence[str]) -> typer.Typer:
    """Return the application, with the code of the one command that `arguments` name."""
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    root = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    root.callback()(_root)
    for name, entry in sorted(commands().items(), key=lambda each: _PANELS.index(each[1].panel)):
        _add(root, name, entry, loaded=name == wanted)
    return root


def main() -> None:
    """Run the command. An expected failure is one sentence on standard error, never a traceback."""
    from weir.cli.failures import sentence_of

    arguments = sys.argv[1:]
    try:
        build(arguments)(arguments)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        print(f"weir: {sentence}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _root() -> None:
    pass


def _add(root: typer.Typer, name: str, entry: Command, *, loaded: bool) -> None:
    target = _load(entry.place) if loaded else None
    if entry.group:
        group = target or typer.Typer()
        if target is None:
            group.callback()(_root)
        root.add_typer(group, name=name, help=entry.help, rich_help_panel=entry.panel)
    else:
        root.command(name, help=None if loaded else entry.help, rich_help_panel=entry.panel)(
            target or _root
        )


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    if not module.startswith("weir_demo."):
        module = f"weir.cli.{module}"
    return getattr(import_module(module), attribute)
