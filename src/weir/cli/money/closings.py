"""`weir period`: closing the books, and re-opening them."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from weir.cli.failures import CommandError
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

period = typer.Typer(no_args_is_help=True)

Period = Annotated[
    str, typer.Argument(help="A month such as 2026-11, or TIME/TIME in UTC, ending in Z.")
]
Currency = Annotated[str, typer.Option(help="The currency (ISO 4217).")]
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
        bool, typer.Option("--settle", help="Net the debts too, and hand over payment messages.")
    ] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Close a period: count and price its calls, post them, and write each party's statement."""

    def print_step(step: str) -> None:
        if not as_json:
            print(_STEPS.get(step, step), flush=True)

    found = call_management(
        profile, lambda m: m.closings.close(period, currency, settle=settle, on_step=print_step)
    )
    if found["status"] == "failed":
        raise CommandError(f"The period could not be closed: {found['failure']}.")
    show_one(found if as_json else {name: found[name] for name in _CLOSED}, as_json)


@period.command("closings")
def list_closings(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the closings and the progress of each."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.closings.list()))
    show_list(found, ("job", "period", "currency", "status", "to_do", "release"), as_json)


@period.command("closing")
def show_closing(job: Job, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show the progress of one closing, step by step."""
    show_one(call_management(profile, lambda m: m.closings.get(job)), as_json)


@period.command("move")
def move(job: Job, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Let the running release continue a closing that another release began."""
    show_one(call_management(profile, lambda m: m.closings.move(job)), as_json)


@period.command("reopen")
def reopen(
    period: Period,
    reason: Annotated[str, typer.Option(help="The reason, for all who have a statement of it.")],
    currency: Currency = "CNY",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Open a closed period again and reverse its postings. Close it again for a new version."""
    made = call_management(profile, lambda m: m.reopenings.reopen(period, currency, reason))
    show_one(made, as_json)


@period.command("reopenings")
def list_reopenings(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the periods that were opened again, with the reasons."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.reopenings.list()))
    show_list(found, ("period", "currency", "reason", "reopened_at", "reopened_by"), as_json)


@period.command("list")
def list_periods(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the periods for which you have statements."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.statements.list()))
    columns = ("period", "currency", "version", "supplement", "closed_at", "reopened_at")
    show_list(found, columns, as_json)
