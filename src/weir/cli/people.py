"""`weir people` and `weir invitations`: who works for an organisation."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

people = typer.Typer(no_args_is_help=True)
invitations = typer.Typer(no_args_is_help=True)

_PERSON: Final = ("name", "display_name", "role", "id")
_INVITATION: Final = ("invitee", "role", "expires_at", "id")
Person = Annotated[str, typer.Argument(help="The person's identifier, usr_…")]
Role = Annotated[str, typer.Option(help="owner, developer, finance or auditor.")]


@people.command("list")
def list_people(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List who works for you."""
    show_list(asking(profile, lambda m: m.people.list()), _PERSON, as_json)


@people.command("role")
def change_role(
    person: Person,
    role: Annotated[str, typer.Argument(help="owner, developer, finance or auditor.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Give somebody another role. There is always at least one owner."""
    show_one(asking(profile, lambda m: m.people.change_role(person, role)), as_json)


@people.command("renew")
def renew(person: Person, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Make a one-time link by which somebody sets a new passphrase and second factor."""
    made = asking(profile, lambda m: m.people.renew_sign_in(person))
    show_one(made["person"] | {"link": made["link"]}, as_json)


@people.command("remove")
def remove(person: Person, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """End somebody's work for you, signed out everywhere at once."""
    show_one(asking(profile, lambda m: m.people.remove(person)), as_json)


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
