"""`weir invitations`: open invitations to work for an organisation."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

invitations = typer.Typer(no_args_is_help=True)

_INVITATION: Final = ("invitee", "role", "expires_at", "id")
Role = Annotated[str, typer.Option(help="owner, developer, finance or auditor.")]


@invitations.command("list")
def list_invitations(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List invitations that were not used yet."""
    show_list(asking(profile, lambda m: m.invitations.list()), _INVITATION, as_json)


@invitations.command("make")
def invite(
    invitee: Annotated[str, typer.Argument(help="Whom, in your own words.")],
    role: Role = "developer",
    organisation: Annotated[
        str | None, typer.Option(help="For the operator: whose first owner it will be.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Invite somebody to work for you, and get the one-time link to hand over."""
    made = asking(profile, lambda m: m.invitations.invite(invitee, role, organisation=organisation))
    show_one(made["invitation"] | {"link": made["link"]}, as_json)


@invitations.command("withdraw")
def withdraw(
    invitation: Annotated[str, typer.Argument(help="The invitation's identifier, lnk_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """End an invitation that was not used."""
    show_one(asking(profile, lambda m: m.invitations.withdraw(invitation)), as_json)
