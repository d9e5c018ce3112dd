"""`weir dispute`: disputes about lines of statements."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

dispute = typer.Typer(no_args_is_help=True)

Statement = Annotated[str, typer.Argument(help="The statement's identifier, stm_…")]
Line = Annotated[int, typer.Option(help="The line of the statement, counted from 1.")]


@dispute.command("open")
def open_dispute(
    statement: Statement,
    line: Line,
    reason: Annotated[str, typer.Option(help="The reason, in a sentence.")],
    evidence: Annotated[str, typer.Option(help="Your evidence, for example receipts.")] = "",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Dispute a line of a statement. It is not paid before the dispute is decided."""
    opened = call_management(profile, lambda m: m.disputes.open(statement, line, reason, evidence))
    show_one(opened, as_json)


@dispute.command("list")
def list_disputes(
    status: Annotated[str | None, typer.Option(help="open, upheld or rejected.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List your disputes; for the operator, all disputes."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.disputes.list(status)))
    show_list(found, ("id", "statement", "statement_line", "status", "reason"), as_json)


@dispute.command("resolve")
def resolve(
    dispute: Annotated[str, typer.Argument(help="The dispute's identifier, dsp_…")],
    resolution: Annotated[str, typer.Option(help="The decision and its reason.")],
    amount_minor: Annotated[
        int, typer.Option(help="The amount to give back, in minor units; 0 rejects the dispute.")
    ],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Decide a dispute. Only the operator can do this."""
    decided = call_management(
        profile, lambda m: m.disputes.resolve(dispute, resolution, amount_minor)
    )
    show_one(decided, as_json)
