"""`weir consent`: consents of customers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

consent = typer.Typer(no_args_is_help=True)


@consent.command("lodge")
def lodge(
    application: Annotated[str, typer.Argument(help="The application that will ask.")],
    details: Annotated[
        Path, typer.Argument(help="One entry of authorization_details (RFC 9396), a JSON file.")
    ],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Lodge what a customer will be asked within a day, for a request to name."""
    entry = json.loads(details.read_text())
    show_one(asking(profile, lambda m: m.consents.lodge(application, entry)), as_json)


@consent.command("list")
def list_consents(
    application: Annotated[
        str | None, typer.Option(help="An application of yours; not needed for a member.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List consents: a member's over its customers' data, a partner's of an application."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.consents.list(application)))
    show_list(found, ("id", "state", "purpose", "application", "expires_at"), as_json)


@consent.command("withdraw")
def withdraw(
    consent: Annotated[str, typer.Argument(help="The consent's identifier, cns_…")],
    reason: Annotated[str, typer.Option(help="Why, in words the customer will read.")] = "",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Withdraw a consent and wait until every gateway has applied it."""
    show_one(asking(profile, lambda m: m.consents.withdraw(consent, reason)), as_json)
