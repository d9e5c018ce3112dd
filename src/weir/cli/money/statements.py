"""`weir statement`: statements, the calls behind their lines, and their offline verification."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weir.cli.failures import CommandError
from weir.cli.files import read_json
from weir.cli.output import AsJson, show_json, show_list
from weir.cli.profiles import DEFAULT, ProfileName, call_management, platform_of

statement = typer.Typer(no_args_is_help=True)

Statement = Annotated[str, typer.Argument(help="The statement's identifier, stm_…")]


@statement.command("list")
def list_statements(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your statements, newest first."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.statements.list()))
    columns = ("id", "period", "currency", "version", "balance_minor", "reopened_at")
    show_list(found, columns, as_json)


@statement.command("show")
def show(
    statement: Statement,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, with a row for each share.")
    ] = False,
    profile: ProfileName = DEFAULT,
) -> None:
    """Print a complete statement, the document that can be verified offline."""
    if as_csv:
        print(call_management(profile, lambda m: m.statements.csv(statement)), end="")
        return
    show_json(call_management(profile, lambda m: m.statements.get(statement)))


@statement.command("calls")
def calls(
    statement: Statement,
    line: Annotated[int, typer.Argument(min=1, help="The line, counted from 1.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the calls that a line counts."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.statements.calls(statement, line)))
    columns = ("arrived_at", "interaction_id", "method", "path", "status", "ending", "billable")
    show_list(found, columns, as_json)


@statement.command("bundle")
def bundle(
    statement: Statement,
    folder: Annotated[Path, typer.Argument(help="The folder to create.")],
    profile: ProfileName = DEFAULT,
) -> None:
    """Fetch a statement with all data you may see that it was made of, to verify it offline."""
    from weir.cli.records.bundles import fetch_statement

    if folder.exists():
        raise CommandError(f"{folder} is there already.")
    authority = platform_of(profile).ca_file
    calls = call_management(profile, lambda m: fetch_statement(m, statement, folder, authority))
    print(f"{folder}: {calls:,} calls. Next: weir statement verify {folder}")


@statement.command("verify")
def verify(
    file: Annotated[
        Path,
        typer.Argument(help="A bundle's folder, or a file that `weir statement show` printed."),
    ],
    records: Annotated[
        Path | None, typer.Option(help="Without a bundle: the folder of sealed records.")
    ] = None,
) -> None:
    """Compute a statement again from its records alone, offline, and compare the two."""
    from weir.settlement.statements.party_bundles import verify_bundle
    from weir.settlement.statements.verification import RecordsFolder
    from weir.settlement.statements.verification import verify as recompute

    try:
        if file.is_dir():
            found = verify_bundle(file)
        elif records is not None:
            found = recompute(read_json(file), RecordsFolder(records))
        else:
            raise CommandError("Give a bundle's folder, or a statement and --records.")
    except ValueError as error:
        raise CommandError(f"{file}: {error}.") from error
    read = f"{found.records:,} records"
    if found.segments:
        read += f" in {found.segments:,} segments"
    if found.holds:
        print(f"The statement {found.statement} holds: recomputed from {read}.")
        return
    print(f"The statement {found.statement} does not hold: {found.difference} ({read} read).")
    raise typer.Exit(1)
