"""`weir dispute`: disputes about lines of statements."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

dispute = typer.Typer(no_args_is_help=True)

Statement = Annotated[str, typer.Argument(help="The statement's identifier, stm_…")]
Line = Annotated[int, typer.Option(help="The line of the statement, counted from 1.")]


@dispute.command("open")
def open_dispute(
    statement: Statement,
    line: Line,
    reason: Annotated[str, typer.Option(help="What is wrong, in a sentence.")],
    evidence: Annotated[str, typer.Option(help="What shows it, for example receipts.")] = "",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Dispute a line of a statement: nobody pays it until it is decided."""
    opened = asking(profile, lambda m: m.disputes.open(statement, line, reason, evidence))
    show_one(opened, as_json)


@dispute.command("list")
def list_disputes(
    status: Annotated[str | None, typer.Option(help="open, upheld or rejected.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List your disputes; the operator's list holds everybody's."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.disputes.list(status)))
    show_list(found, ("id", "statement", "statement_line", "status", "reason"), as_json)


@dispute.command("resolve")
def resolve(
    dispute: Annotated[str, typer.Argument(help="The dispute's identifier, dsp_…")],
    resolution: Annotated[str, typer.Option(help="What was decided, and why.")],
    amount_minor: Annotated[int, typer.Option(help="What is given back; 0 rejects it.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Decide a dispute. Only the operator may."""
    decided = asking(profile, lambda m: m.disputes.resolve(dispute, resolution, amount_minor))
    show_one(decided, as_json)
