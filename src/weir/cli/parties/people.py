"""`weir people`: people who work for an organisation, and their roles."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

people = typer.Typer(no_args_is_help=True)

_PERSON: Final = ("name", "display_name", "role", "id")
Person = Annotated[str, typer.Argument(help="The person's identifier, usr_…")]


@people.command("list")
def list_people(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the people who work for you, with their roles."""
    show_list(call_management(profile, lambda m: m.people.list()), _PERSON, as_json)


@people.command("role")
def change_role(
    person: Person,
    role: Annotated[str, typer.Argument(help="owner, developer, finance or auditor.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Give a person another role. An organisation always keeps at least one owner."""
    show_one(call_management(profile, lambda m: m.people.change_role(person, role)), as_json)


@people.command("renew")
def renew(person: Person, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Make a one-time link by which a person sets a new passphrase and second factor."""
    made = call_management(profile, lambda m: m.people.renew_sign_in(person))
    show_one(made["person"] | {"link": made["link"]}, as_json)


@people.command("remove")
def remove(person: Person, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Remove a person who works for you, and end all the person's sessions."""
    show_one(call_management(profile, lambda m: m.people.remove(person)), as_json)
