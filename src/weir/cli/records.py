"""`weir records` and `weir audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.profiles import DEFAULT, ProfileName, asking
from weir.cli.showing import AsJson, show_json, show_list

records = typer.Typer(no_args_is_help=True)
audit = typer.Typer(no_args_is_help=True)

Day = Annotated[str | None, typer.Option(help="A day of UTC, 2026-11-30, included.")]


@records.callback()
def _records() -> None:
    pass


@audit.callback()
def _audit() -> None:
    pass


@records.command("count")
def count(
    since: Day = None, until: Day = None, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """Count the stored calls by application, product, status and refusal."""
    from weir.client.asking import all_of

    found = asking(profile, lambda m: all_of(m.books.count_calls(since, until)))
    show_list(found, ("application", "product", "status", "refusal", "calls"), as_json)


@audit.command("verify")
def verify(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Check every audit chain, and every consent against it."""
    report = asking(profile, lambda m: m.books.verify_audit())
    if as_json:
        show_json(report)
    elif report["intact"]:
        print("Every audit chain holds, and every consent is as it was last written.")
    else:
        show_list(report["chains"], ("organisation", "number", "why"), False)
        show_list(report["consents"], ("consent", "why"), False)
    if not report["intact"]:
        raise typer.Exit(1)
