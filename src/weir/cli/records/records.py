"""`weir records`: counts of stored calls, files of the lake, and receipts."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_json, show_list
from weir.cli.profiles import DEFAULT, ProfileName, call_management

records = typer.Typer(no_args_is_help=True)

Day = Annotated[str | None, typer.Option(help="A UTC day, 2026-11-30, included.")]


@records.callback()
def _records() -> None:
    pass


@records.command("count")
def count(
    since: Day = None, until: Day = None, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """Count the stored calls by application, product, status and refusal."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.records.count(since, until)))
    show_list(found, ("application", "product", "status", "refusal", "calls"), as_json)


@records.command("files")
def files(since: Day = None, until: Day = None, profile: ProfileName = DEFAULT) -> None:
    """List the files of the lake that other engines should read, one in each line."""
    from weir.client.management.requests import collect

    for file in call_management(profile, lambda m: collect(m.records.files(since, until))):
        print(file)


@records.command("receipt")
def receipt(
    name: Annotated[str, typer.Argument(help="The `weir-receipt` field of an answer.")],
    profile: ProfileName = DEFAULT,
) -> None:
    """Fetch the receipt of a call, check its signatures and proofs, and print it."""
    import msgspec

    show_json(msgspec.to_builtins(call_management(profile, lambda m: m.receipts.get(name))))
