"""`weir key`: the platform's signing keys, and the client algorithms it accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from weir.cli.failures import CommandError
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

app = typer.Typer(no_args_is_help=True)

Moment = Annotated[
    str,
    typer.Option("--at", help="An RFC 3339 time, or a number of days ahead (+7)."),
]
Algorithm = Annotated[str, typer.Argument(help="ES256, PS256, EdDSA or Ed25519.")]


@app.command("list")
def list_keys(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the signing keys by purpose, newest first, with the state of each."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.signing_keys.list()))
    show_list(
        found, ("kid", "purpose", "algorithm", "state", "signs_from", "superseded_at"), as_json
    )


@app.command()
def announce(
    at: Moment = "+7",
    algorithm: Annotated[
        str, typer.Option(help="ES256, PS256 or EdDSA; ES256 only for messages.")
    ] = "ES256",
    messages: Annotated[
        bool, typer.Option("--messages", help="The key for signing gateways' answers.")
    ] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Make the next signing key. It signs from its date on, and the present key then stops."""
    moment, purpose = _moment(at), "message" if messages else "access_token"
    announced = call_management(
        profile, lambda m: m.signing_keys.announce(algorithm, moment, purpose)
    )
    show_one(announced, as_json)


@app.command()
def revoke(
    kid: Annotated[str, typer.Argument(help="The key's identifier, key_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Revoke a signing key everywhere, and all that it signed. For emergencies."""
    show_one(call_management(profile, lambda m: m.signing_keys.revoke(kid)), as_json)


@app.command()
def endings(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the algorithms whose end is announced."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.algorithms.endings()))
    show_list(found, ("algorithm", "ends_at", "announced_at"), as_json)


@app.command()
def end(
    algorithm: Algorithm,
    at: Moment = "+90",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Announce when a signature algorithm will no longer be accepted from clients."""
    moment = _moment(at)
    show_one(call_management(profile, lambda m: m.algorithms.end(algorithm, moment)), as_json)


@app.command()
def keep(algorithm: Algorithm, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Withdraw the announced end of an algorithm, so that it stays accepted."""
    show_one(call_management(profile, lambda m: m.algorithms.take_back(algorithm)), as_json)


def _moment(text: str) -> str:
    """Return a time as the API reads it (RFC 3339); `+7` is seven days ahead. CommandError."""
    if text.startswith("+") and text[1:].isascii() and text[1:].isdigit() and len(text) <= 5:
        return (datetime.now(UTC) + timedelta(days=int(text[1:]))).isoformat(timespec="seconds")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is no time: write 2027-03-01T00:00:00+08:00, or +7.") from error
    return moment.astimezone().isoformat(timespec="seconds")
