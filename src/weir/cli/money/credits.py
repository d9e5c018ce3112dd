"""`weir credit`: money given back."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.money.disputes import Line, Statement
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

credit = typer.Typer(no_args_is_help=True)

Amount = Annotated[int, typer.Option(help="In minor units: 1200 is CNY 12.00.")]


@credit.command("grant")
def grant(
    statement: Statement,
    line: Line,
    amount_minor: Amount,
    reason: Annotated[str, typer.Option(help="Why it is given back.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Give back part of a line you were paid for."""
    granted = asking(profile, lambda m: m.credits.grant(statement, line, amount_minor, reason))
    show_one(granted, as_json)


@credit.command("list")
def list_credits(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List credits that concern you, newest first; the operator's list holds everybody's."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.credits.list()))
    columns = ("id", "statement", "statement_line", "amount_minor", "currency", "reason")
    show_list(found, columns, as_json)
