"""`weir credit`: money given back."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.money.disputes import Line, Statement
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

credit = typer.Typer(no_args_is_help=True)

Amount = Annotated[int, typer.Option(help="The amount in minor units: 1200 is CNY 12.00.")]


@credit.command("grant")
def grant(
    statement: Statement,
    line: Line,
    amount_minor: Amount,
    reason: Annotated[str, typer.Option(help="The reason.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Give back part of the money you were paid for a line."""
    granted = call_management(
        profile, lambda m: m.credits.grant(statement, line, amount_minor, reason)
    )
    show_one(granted, as_json)


@credit.command("list")
def list_credits(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the credits that concern you, newest first; for the operator, all credits."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.credits.list()))
    columns = ("id", "statement", "statement_line", "amount_minor", "currency", "reason")
    show_list(found, columns, as_json)
