"""`weir consent`: consents of customers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

consent = typer.Typer(no_args_is_help=True)


@consent.command("lodge")
def lodge(
    application: Annotated[str, typer.Argument(help="The application that will ask the customer.")],
    details: Annotated[
        Path, typer.Argument(help="One entry of authorization_details (RFC 9396), a JSON file.")
    ],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Lodge a consent in advance, for an authorization request of the next day to name."""
    entry = json.loads(details.read_text())
    show_one(call_management(profile, lambda m: m.consents.lodge(application, entry)), as_json)


@consent.command("list")
def list_consents(
    application: Annotated[
        str | None, typer.Option(help="An application of yours; not needed for a member.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List consents: to your customers' data as a member, or to one of your applications."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.consents.list(application)))
    show_list(found, ("id", "state", "purpose", "application", "expires_at"), as_json)


@consent.command("withdraw")
def withdraw(
    consent: Annotated[str, typer.Argument(help="The consent's identifier, cns_…")],
    reason: Annotated[str, typer.Option(help="The reason; the customer reads it.")] = "",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Withdraw a consent, and wait until every gateway has applied it."""
    show_one(call_management(profile, lambda m: m.consents.withdraw(consent, reason)), as_json)
