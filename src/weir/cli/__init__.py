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
    """A command, or a group of them, and its code: `module:name`, a module of this room or of
    `weir_demo`.
    """

    place: str
    help: str
    group: bool = False
    panel: str = "Run"


# The panels of the help.
_PARTIES: Final = "Who takes part"
_SHELF: Final = "The shelf"
_BOOKS: Final = "What must be true"

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
    "operator": Entry("operator:app", "Found the alliance.", True, _PARTIES),
    "member": Entry("parties.organisations:member", "Licensed institutions.", True, _PARTIES),
    "partner": Entry("parties.organisations:partner", "Organisations that embed.", True, _PARTIES),
    "app": Entry("parties.applications:app", "Applications, keys, certificates.", True, _PARTIES),
    "people": Entry("parties.people:people", "Who works for you.", True, _PARTIES),
    "invitations": Entry("parties.invitations:invitations", "Who is to join you.", True, _PARTIES),
    "customer": Entry("parties.customers:customer", "A member's customers.", True, _PARTIES),
    "shelf": Entry("products.shelf:shelf", "Find what is on the shelf.", True, _SHELF),
    "document": Entry("products.documents:document", "OpenAPI documents.", True, _SHELF),
    "lint": Entry("products.lint:lint", "Hold an OpenAPI document to the standard.", panel=_SHELF),
    "backend": Entry("products.backends:backend", "Endpoints of your services.", True, _SHELF),
    "capability": Entry(
        "products.capabilities:capability", "What an institution can do.", True, _SHELF
    ),
    "product": Entry("products.products:product", "Versioned bundles on the shelf.", True, _SHELF),
    "plan": Entry("products.plans:plan", "Prices and limits of products.", True, _SHELF),
    "subscription": Entry(
        "products.subscriptions:subscription", "Rights to products.", True, _SHELF
    ),
    "consent": Entry("parties.consents:consent", "What customers granted.", True, _BOOKS),
    "agreement": Entry("money.agreements:agreement", "Splits of revenue.", True, _BOOKS),
    "period": Entry("money.closings:period", "Closing the books.", True, _BOOKS),
    "statement": Entry("money.statements:statement", "Who owes whom, provably.", True, _BOOKS),
    "dispute": Entry("money.disputes:dispute", "Lines that are wrong.", True, _BOOKS),
    "credit": Entry("money.credits:credit", "Money given back.", True, _BOOKS),
    "rate": Entry("money.exchange_rates:rate", "Exchange rates.", True, _BOOKS),
    "netting": Entry("money.rounds:netting", "Debts into few payments.", True, _BOOKS),
    "payment": Entry("money.payments:payment", "Payments of a round.", True, _BOOKS),
    "key": Entry("keys.signing_keys:app", "Our signing keys; algorithms.", True, _BOOKS),
    "anchor": Entry("keys.anchors:app", "Whose statements are believed.", True, _BOOKS),
    "calls": Entry("records.traffic:calls", "Traffic, by what you ask for.", panel=_BOOKS),
    "records": Entry("records.records:records", "The measured calls.", True, _BOOKS),
    "audit": Entry("records.audit:audit", "What was done, and checked.", True, _BOOKS),
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
    if not module.startswith("weir_demo."):
        module = f"weir.cli.{module}"
    return getattr(import_module(module), attribute)
