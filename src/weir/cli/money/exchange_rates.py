"""`weir rate`: exchange rates between currencies, with their source."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

rate = typer.Typer(no_args_is_help=True)


@rate.command("record")
def record_rate(
    base: Annotated[
        str, typer.Argument(help="The currency (ISO 4217) of which one unit is priced.")
    ],
    quote: Annotated[str, typer.Argument(help="The currency (ISO 4217) of the price.")],
    worth: Annotated[str, typer.Argument(help="The price, for example 7.1234.")],
    source: Annotated[str, typer.Option(help="The source of the rate.")],
    observed_at: Annotated[
        str | None, typer.Option(help="Time of observation (RFC 3339); default: now.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Record an exchange rate. Only the operator can do this, and a rate is never changed."""
    at = observed_at or datetime.now(UTC).isoformat(timespec="seconds")
    recorded = call_management(
        profile,
        lambda m: m.exchange_rates.record(
            base=base, quote=quote, rate=worth, source=source, observed_at=at
        ),
    )
    show_one(recorded, as_json)


@rate.command("list")
def list_rates(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List exchange rates, newest recorded first."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.exchange_rates.list()))
    show_list(found, ("base", "quote", "rate", "source", "observed_at", "id"), as_json)
