"""`weir operator`: the founding of the alliance, and the platform's health."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from weir.cli.output import AsJson, show_json, show_list
from weir.cli.profiles import DEFAULT, ProfileName, call_management, configured_platform, folder_of

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    pass


@app.command()
def claim(
    link: Annotated[str, typer.Argument(help="The whole link that `weir up` printed, in quotes.")],
    slug: Annotated[str, typer.Option(help="The operator's short name in addresses.")] = "operator",
    name_en: Annotated[str, typer.Option(help="The operator's name in English.")] = "Operator",
    name_zh: Annotated[str, typer.Option(help="The operator's name in Chinese.")] = "运营方",
    ca: Annotated[
        Path | None,
        typer.Option(help="The alliance's root certificate; default HOME/tls/authority.pem."),
    ] = None,
    profile: ProfileName = DEFAULT,
) -> None:
    """Found the alliance: make the operator's key on this machine and get its certificate."""
    from weir.client import Credentials
    from weir.client.founding import claim as found

    platform = configured_platform(ca)
    folder = folder_of(profile)
    kept = folder / "key.pem"
    # A claim that failed on the way may be made again with the key that is there.
    credentials = Credentials(folder) if kept.exists() else Credentials.generate(folder)
    made, founded = asyncio.run(
        found(link, platform, credentials, slug=slug, name_en=name_en, name_zh=name_zh)
    )
    made.save()
    print(f"The alliance is founded; {founded['organisation']['id']} is its operator.")
    print(f"  Profile   {folder}")
    print(f"  Sign in   {founded['sign_in_link']}")
    print("The sign-in link works once. Next: weir member admit --help")


@app.command()
def health(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the platform's processes, with the number of changes each has not applied yet."""
    found = call_management(profile, lambda m: m.health.get())
    if as_json:
        show_json(found)
        return
    print(f"Newest change: {found['newest_change']}")
    show_list(found["processes"], ("role", "alive", "behind", "started_at", "id"), False)
