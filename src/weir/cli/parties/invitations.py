"""`weir invitations`: open invitations to work for an organisation."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

invitations = typer.Typer(no_args_is_help=True)

_INVITATION: Final = ("invitee", "role", "expires_at", "id")
Role = Annotated[str, typer.Option(help="owner, developer, finance or auditor.")]


@invitations.command("list")
def list_invitations(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your open invitations."""
    show_list(call_management(profile, lambda m: m.invitations.list()), _INVITATION, as_json)


@invitations.command("make")
def invite(
    invitee: Annotated[str, typer.Argument(help="The person to invite, in your own words.")],
    role: Role = "developer",
    organisation: Annotated[
        str | None, typer.Option(help="For the operator: the organisation to join as first owner.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Invite a person to work for you, and print the one-time link to hand over."""
    made = call_management(
        profile, lambda m: m.invitations.invite(invitee, role, organisation=organisation)
    )
    show_one(made["invitation"] | {"link": made["link"]}, as_json)


@invitations.command("withdraw")
def withdraw(
    invitation: Annotated[str, typer.Argument(help="The invitation's identifier, lnk_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Withdraw an invitation that was not used."""
    show_one(call_management(profile, lambda m: m.invitations.withdraw(invitation)), as_json)
