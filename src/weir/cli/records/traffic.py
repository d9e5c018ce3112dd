"""`weir calls`: traffic by any of its dimensions."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_json, show_list
from weir.cli.profiles import DEFAULT, ProfileName, call_management

Day = Annotated[str | None, typer.Option(help="A UTC day, 2026-11-30, included; default: today.")]
_FIGURES = ("calls", "refused", "bytes_in", "bytes_out", "p50_us", "p95_us", "p99_us")


def calls(
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="application, organisation, product, capability, member, scene, channel,"
            " status, refusal, hour or day; up to three."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="name=value: count only these calls; repeatable.")
    ] = None,
    since: Day = None,
    until: Day = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Count calls by the dimensions you choose, with percentiles of their duration."""
    wanted = by or ["product", "status"]
    found = call_management(
        profile, lambda m: m.traffic.count(wanted, only or [], since=since, until=until)
    )
    if as_json:
        show_json(found)
    else:
        show_list([{**row, **row["by"]} for row in found], (*wanted, *_FIGURES), False)
