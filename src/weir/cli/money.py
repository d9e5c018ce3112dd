"""`weir period` and `weir statement`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from weir.cli.failing import CannotError
from weir.cli.profiles import DEFAULT, ProfileName, asking
from weir.cli.showing import AsJson, show_json, show_list, show_one

period = typer.Typer(no_args_is_help=True)
statement = typer.Typer(no_args_is_help=True)

Period = Annotated[
    str, typer.Argument(help="A month such as 2026-11, or TIME/TIME in UTC, ending in Z.")
]
Currency = Annotated[str, typer.Option(help="ISO 4217.")]


@period.command("close")
def close(
    period: Period,
    currency: Currency = "CNY",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Close a period: count, price, split and post, and write every party's statement."""
    show_one(asking(profile, lambda m: m.books.close_period(period, currency)), as_json)


@period.command("reopen")
def reopen(
    period: Period,
    reason: Annotated[str, typer.Option(help="Everyone with a statement of it will read this.")],
    currency: Currency = "CNY",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Open a closed period again: its postings are reversed; close it anew for the next version."""
    made = asking(profile, lambda m: m.books.reopen_period(period, currency, reason))
    show_one(made, as_json)


@period.command("reopenings")
def list_reopenings(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List which periods were opened again, and why."""
    from weir.client.asking import all_of

    found = asking(profile, lambda m: all_of(m.books.reopenings()))
    show_list(found, ("period", "currency", "reason", "reopened_at", "reopened_by"), as_json)


@period.command("list")
def list_periods(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the periods you have statements of."""
    _statements(
        profile,
        ("period", "currency", "version", "supplement", "closed_at", "reopened_at"),
        as_json,
    )


@statement.command("list")
def list_statements(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your statements, newest first."""
    _statements(
        profile, ("id", "period", "currency", "version", "balance_minor", "reopened_at"), as_json
    )


@statement.command("show")
def show(
    statement: Annotated[str, typer.Argument(help="The statement's identifier, stm_…")],
    profile: ProfileName = DEFAULT,
) -> None:
    """Print a statement, whole: the document that can be verified offline."""
    show_json(asking(profile, lambda m: m.books.statement(statement)))


@statement.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="A statement, as `weir statement show` prints it.")],
    records: Annotated[Path, typer.Option(help="The folder of sealed call records.")],
) -> None:
    """Recompute a statement from the records alone, offline, trusting nobody."""
    from weir.settlement.verifying import RecordsFolder
    from weir.settlement.verifying import verify as recompute

    try:
        found = recompute(read_json(file), RecordsFolder(records))
    except ValueError as error:
        raise CannotError(f"{file}: {error}.") from error
    read = f"{found.records:,} records in {found.segments:,} segments"
    if found.holds:
        print(f"The statement {found.statement} holds: recomputed from {read}.")
        return
    print(f"The statement {found.statement} does not hold: {found.difference} ({read} read).")
    raise typer.Exit(1)


def _statements(profile: str, columns: tuple[str, ...], as_json: bool) -> None:
    from weir.client.asking import all_of

    found = asking(profile, lambda m: all_of(m.books.statements()))
    show_list(found, columns, as_json)


def read_json(file: Path) -> Any:
    """What a file says. CannotError when it cannot be read, ValueError when it is not JSON."""
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise CannotError(f"The file {file} cannot be read.") from error
