"""The command `weir`. One table names every command; only the one that is asked for is loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer

_HELP: Final = (
    "weir: one shelf, one gateway, consent that holds, and books every side can check.\n\n"
    "Begin with `weir demo`, which shows everything in a minute, or with `weir up`."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a group of them, and its code: `module:name`, of this room without a dot."""

    place: str
    help: str
    group: bool = False
    panel: str = "Run"


COMMANDS: Final[dict[str, Entry]] = {
    "up": Entry("up:up", "Start everything on this machine and keep it running."),
    "demo": Entry(
        "weir_demo.command:demo", "Boot an alliance, run its story, show that the figures agree."
    ),
    "status": Entry("status:status", "Say what runs in a home and how it is."),
    "config": Entry("config:config", "Print every setting, its value and where it came from."),
    "gateway": Entry("roles:gateway", "Serve callers: the only public listener."),
    "control": Entry("roles:control", "Serve authorization, portal and management API."),
    "worker": Entry("roles:worker", "Bring records to the lake and settle what is in doubt."),
    "operator": Entry("operator:app", "Found the alliance.", True, "Who takes part"),
    "member": Entry("organisations:member", "Licensed institutions.", True, "Who takes part"),
    "partner": Entry("organisations:partner", "Organisations that embed.", True, "Who takes part"),
    "app": Entry("applications:app", "Applications, keys, certificates.", True, "Who takes part"),
    "people": Entry("people:people", "Who works for you.", True, "Who takes part"),
    "invitations": Entry("people:invitations", "Who is to join you.", True, "Who takes part"),
    "customer": Entry("customers:customer", "A member's customers.", True, "Who takes part"),
    "shelf": Entry("shelf:shelf", "Find what is on the shelf.", True, "The shelf"),
    "document": Entry("documents:document", "OpenAPI documents.", True, "The shelf"),
    "lint": Entry("lint:lint", "Hold an OpenAPI document to the standard.", panel="The shelf"),
    "backend": Entry("backends:backend", "Endpoints of your services.", True, "The shelf"),
    "capability": Entry("documents:capability", "What an institution can do.", True, "The shelf"),
    "product": Entry("products:product", "Versioned bundles on the shelf.", True, "The shelf"),
    "plan": Entry("products:plan", "Prices and limits of products.", True, "The shelf"),
    "subscription": Entry("products:subscription", "Rights to products.", True, "The shelf"),
    "consent": Entry("customers:consent", "What customers granted.", True, "What must be true"),
    "agreement": Entry("agreements:agreement", "Splits of revenue.", True, "What must be true"),
    "period": Entry("money:period", "Closing the books.", True, "What must be true"),
    "statement": Entry("money:statement", "Who owes whom, provably.", True, "What must be true"),
    "dispute": Entry("settling:dispute", "Lines that are wrong.", True, "What must be true"),
    "credit": Entry("settling:credit", "Money given back.", True, "What must be true"),
    "rate": Entry("settling:rate", "Exchange rates.", True, "What must be true"),
    "netting": Entry("settling:netting", "Debts into few payments.", True, "What must be true"),
    "payment": Entry("settling:payment", "Payments of a round.", True, "What must be true"),
    "key": Entry("keys:app", "Our signing keys; algorithms.", True, "What must be true"),
    "anchor": Entry("anchors:app", "Whose statements are believed.", True, "What must be true"),
    "calls": Entry("calls:calls", "Traffic, by what you ask for.", panel="What must be true"),
    "records": Entry("records:records", "The measured calls.", True, "What must be true"),
    "audit": Entry("audit:audit", "What was done, and checked.", True, "What must be true"),
}


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application, with the code of the command that `arguments` name and of no other."""
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    root = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    root.callback()(_root)
    for name, entry in COMMANDS.items():
        _add(root, name, entry, loaded=name == wanted)
    return root


def main() -> None:
    """The entry point. What can be expected to go wrong is one sentence, never a traceback."""
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


def _add(root: typer.Typer, name: str, entry: Entry, *, loaded: bool) -> None:
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
    return getattr(import_module(module if "." in module else f"weir.cli.{module}"), attribute)
