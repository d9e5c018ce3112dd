"""`weir payment`: payments of a round."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

payment = typer.Typer(no_args_is_help=True)


@payment.command("received")
def received(
    payment: Annotated[str, typer.Argument(help="The payment's identifier, pay_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Confirm that you received a payment."""
    show_one(call_management(profile, lambda m: m.payments.receive(payment)), as_json)
