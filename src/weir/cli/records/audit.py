"""`weir audit`: audit chains, signed roots, and bundles of records checked offline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from weir.cli.failures import CommandError
from weir.cli.output import AsJson, show_json, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management, folder_of, platform_of

audit = typer.Typer(no_args_is_help=True)


@audit.callback()
def _audit() -> None:
    pass


@audit.command("verify")
def verify(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Check all audit chains, and all consents against them."""
    report = call_management(profile, lambda m: m.audit.verify())
    if as_json:
        show_json(report)
    elif report["intact"]:
        print("Every audit chain holds, and every consent is as it was last written.")
    else:
        show_list(report["chains"], ("organisation", "number", "why"), False)
        show_list(report["consents"], ("consent", "why"), False)
    if not report["intact"]:
        raise typer.Exit(1)


@audit.command("search")
def search(
    organisation: Annotated[
        str | None, typer.Option(help="The organisation whose trail to search.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="The event's name, as in docs/reference/events.md.")
    ] = None,
    touching: Annotated[
        str | None, typer.Option(help="Identifier of the subject or the actor.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="From this time on: 2026-10-01T00:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="The most entries to print.")
    ] = 100,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Search the audit trail, newest entries first."""
    from weir.client.management.requests import take_first

    wanted = {
        "organisation": organisation,
        "event": event,
        "touching": touching,
        "since": since,
        "until": until,
    }
    found = call_management(profile, lambda m: take_first(m.audit.entries(**wanted), limit))
    show_list(found, ("at", "event", "subject", "actor", "organisation"), as_json)


@audit.command("root")
def root(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Sign a root over all sealed segments."""
    show_one(_flat(call_management(profile, lambda m: m.roots.sign())), as_json)


@audit.command("roots")
def roots(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the signed roots and their witnesses, newest first."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.roots.list()))
    show_list([_flat(each) for each in found], ("size", "day", "root", "witnesses"), as_json)


@audit.command("expiries")
def expiries(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the signed statements of records that were removed when their retention ended."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.expiries.list()))
    if as_json:
        show_json(found)
    else:
        times = [{"of": _hour(each["from_us"]), "at": _hour(each["at_us"])} for each in found]
        rows = [each | told for each, told in zip(found, times, strict=True)]
        show_list(rows, ("of", "record_class", "records", "kept_days", "at"), False)


def _hour(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%dT%H:%MZ}"


@audit.command("witness")
def witness(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Check the newest root against the last one you saw, and add your signature to it."""
    from weir.client import Profile

    credentials = Profile.load(folder_of(profile)).credentials
    signed = call_management(profile, lambda m: m.roots.witness(credentials), by_application=True)
    show_one(_flat(signed), as_json)


@audit.command("bundle")
def bundle(
    folder: Annotated[Path, typer.Argument(help="The folder to create.")],
    profile: ProfileName = DEFAULT,
) -> None:
    """Fetch keys, seals and roots into one folder; for the operator, all records too."""
    from weir.cli.records.bundles import fetch

    if folder.exists():
        raise CommandError(f"{folder} is there already.")
    authority = platform_of(profile).ca_file
    seals, segments = call_management(profile, lambda m: fetch(m, folder, authority))
    print(f"{folder}: {seals:,} seals, {segments:,} segments. Next: weir audit check {folder}")


@audit.command("check")
def check(
    folder: Annotated[
        Path, typer.Argument(help="A bundle's folder; docs/receipts.md describes it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare records, seals, roots, receipts and logs with each other, offline."""
    from weir.metering.records import bundle_audit, bundles

    try:
        found = bundle_audit.audit(bundles.read(folder))
    except ValueError as error:
        raise CommandError(f"{error}.") from error
    if as_json:
        show_json(_report(found))
    else:
        _print(found)
    if not found.holds:
        raise typer.Exit(1)


def _print(found: Any) -> None:
    for finding in found.findings:
        print(finding)
    for note in found.notes:
        print(f"note: {note}")
    read = (
        f"{found.records:,} records in {found.segments:,} segments, {found.roots:,} roots,"
        f" {found.log_lines:,} log lines"
    )
    if found.expired:
        read += f"; {found.expired:,} records have expired"
    if found.holds:
        print(f"Everything agrees: {read}.")
    else:
        print(f"{len(found.findings):,} findings in {read}.")


def _report(found: Any) -> dict[str, Any]:
    """Return the findings of a bundle's audit as a JSON object."""
    return {
        "holds": found.holds,
        "records": found.records,
        "segments": found.segments,
        "roots": found.roots,
        "log_lines": found.log_lines,
        "expired": found.expired,
        "findings": [
            {"damage": each.damage.value, "where": each.where, "detail": each.detail}
            for each in found.findings
        ],
        "notes": found.notes,
    }


def _flat(witnessed: dict[str, Any]) -> dict[str, Any]:
    """Return a root's fields with `witnesses`, the identifiers of the witnessing organisations."""
    names = [each["organisation"] for each in witnessed["witnesses"]]
    return {**witnessed["root"], "witnesses": names}
