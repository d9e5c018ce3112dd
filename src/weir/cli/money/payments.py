"""`weir payment`: payments of a round."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

payment = typer.Typer(no_args_is_help=True)


@payment.command("received")
def received(
    payment: Annotated[str, typer.Argument(help="The payment's identifier, pay_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Say that a payment to you has come."""
    show_one(asking(profile, lambda m: m.payments.receive(payment)), as_json)
