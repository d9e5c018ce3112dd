"""`weir period` and `weir statement`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from weir.cli.failures import CannotError
from weir.cli.output import AsJson, show_json, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking, folder_of

period = typer.Typer(no_args_is_help=True)
statement = typer.Typer(no_args_is_help=True)

Period = Annotated[
    str, typer.Argument(help="A month such as 2026-11, or TIME/TIME in UTC, ending in Z.")
]
Statement = Annotated[str, typer.Argument(help="The statement's identifier, stm_…")]
Currency = Annotated[str, typer.Option(help="ISO 4217.")]
Job = Annotated[str, typer.Argument(help="The closing's identifier, job_…")]

# What is printed as each step of a closing is done.
_STEPS: Final = {
    "rated": "Counted the calls and priced them.",
    "posted": "Posted every line to the books.",
    "stated": "Wrote every party's statement.",
    "owed": "Entered what each owes whom.",
    "netted": "Netted all open debts into payments.",
    "instructed": "Wrote the payment messages.",
    "handed_over": "Handed the payment messages over.",
}
_CLOSED: Final = (
    "job", "status", "closing", "period", "currency", "version", "supplement", "is_new", "round",
    "statements",
)  # fmt: skip


@period.command("close")
def close(
    period: Period,
    currency: Currency = "CNY",
    settle: Annotated[
        bool, typer.Option("--settle", help="Net what is owed too, and hand payment messages over.")
    ] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Close a period: count, price, post, and write every party's statement, step by step."""

    def told(step: str) -> None:
        if not as_json:
            print(_STEPS.get(step, step), flush=True)

    found = asking(profile, lambda m: m.closings.close(period, currency, settle=settle, told=told))
    if found["status"] == "failed":
        raise CannotError(f"The period could not be closed: {found['failure']}.")
    show_one(found if as_json else {name: found[name] for name in _CLOSED}, as_json)


@period.command("closings")
def list_closings(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the closings that were asked for, and how far each is."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.closings.list()))
    show_list(found, ("job", "period", "currency", "status", "to_do", "release"), as_json)


@period.command("closing")
def show_closing(job: Job, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show how far one closing is, step by step."""
    show_one(asking(profile, lambda m: m.closings.get(job)), as_json)


@period.command("move")
def move(job: Job, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Let the release that runs now go on with a closing that another one began."""
    show_one(asking(profile, lambda m: m.closings.move(job)), as_json)


@period.command("reopen")
def reopen(
    period: Period,
    reason: Annotated[str, typer.Option(help="Everyone with a statement of it will read this.")],
    currency: Currency = "CNY",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Open a closed period again: its postings are reversed; close it anew for the next version."""
    made = asking(profile, lambda m: m.reopenings.reopen(period, currency, reason))
    show_one(made, as_json)


@period.command("reopenings")
def list_reopenings(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List which periods were opened again, and why."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.reopenings.list()))
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
    statement: Statement,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: a row a share.")] = False,
    profile: ProfileName = DEFAULT,
) -> None:
    """Print a statement, whole: the document that can be verified offline."""
    if as_csv:
        print(asking(profile, lambda m: m.statements.csv(statement)), end="")
        return
    show_json(asking(profile, lambda m: m.statements.get(statement)))


@statement.command("calls")
def calls(
    statement: Statement,
    line: Annotated[int, typer.Argument(min=1, help="The line, counted from 1.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the calls behind a line: what was counted, one by one."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.statements.calls(statement, line)))
    columns = ("arrived_at", "interaction_id", "method", "path", "status", "ending", "billable")
    show_list(found, columns, as_json)


@statement.command("bundle")
def bundle(
    statement: Statement,
    folder: Annotated[Path, typer.Argument(help="A folder to be made.")],
    profile: ProfileName = DEFAULT,
) -> None:
    """Fetch a statement and all it was made of that is yours, to be verified offline."""
    from weir.cli.bundles import fetch_statement
    from weir.client import Profile

    if folder.exists():
        raise CannotError(f"{folder} is there already.")
    authority = Profile.load(folder_of(profile)).platform.ca_file
    calls = asking(profile, lambda m: fetch_statement(m, statement, folder, authority))
    print(f"{folder}: {calls:,} calls. Next: weir statement verify {folder}")


@statement.command("verify")
def verify(
    file: Annotated[
        Path,
        typer.Argument(help="A bundle, or a statement as `weir statement show` prints it."),
    ],
    records: Annotated[
        Path | None, typer.Option(help="For a statement alone: the folder of sealed records.")
    ] = None,
) -> None:
    """Recompute a statement from its records alone, offline, trusting nobody."""
    from weir.settlement.statements.party_bundles import verify_bundle
    from weir.settlement.statements.verification import RecordsFolder
    from weir.settlement.statements.verification import verify as recompute

    try:
        if file.is_dir():
            found = verify_bundle(file)
        elif records is not None:
            found = recompute(read_json(file), RecordsFolder(records))
        else:
            raise CannotError("Give a bundle's folder, or a statement and --records.")
    except ValueError as error:
        raise CannotError(f"{file}: {error}.") from error
    read = f"{found.records:,} records"
    if found.segments:
        read += f" in {found.segments:,} segments"
    if found.holds:
        print(f"The statement {found.statement} holds: recomputed from {read}.")
        return
    print(f"The statement {found.statement} does not hold: {found.difference} ({read} read).")
    raise typer.Exit(1)


def _statements(profile: str, columns: tuple[str, ...], as_json: bool) -> None:
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.statements.list()))
    show_list(found, columns, as_json)


def read_json(file: Path) -> Any:
    """What a file says. CannotError when it cannot be read, ValueError when it is not JSON."""
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise CannotError(f"The file {file} cannot be read.") from error
