"""`weir anchor`: issuers of software statements that let applications register themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weir.cli.files import read_object
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

app = typer.Typer(no_args_is_help=True)

Issuer = Annotated[str, typer.Argument(help="The issuer's name, as in its claim iss.")]


@app.command()
def register(
    issuer: Issuer,
    name: Annotated[str, typer.Option(help="Its name for people.")],
    jwks: Annotated[Path, typer.Option(help="File of its public keys (RFC 7517).")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Trust an issuer of software statements, or replace its keys."""
    given = read_object(jwks) or {}
    show_one(call_management(profile, lambda m: m.anchors.register(issuer, name, given)), as_json)


@app.command("list")
def list_anchors(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the issuers that are trusted now, or were before."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.anchors.list()))
    show_list(found, ("issuer", "name", "status", "changed_at"), as_json)


@app.command()
def end(issuer: Issuer, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Stop trusting an issuer, from the next request on."""
    show_one(call_management(profile, lambda m: m.anchors.end(issuer)), as_json)
