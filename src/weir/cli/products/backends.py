"""`weir backend`: the endpoints at which your services are reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weir.cli.failures import CommandError
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

backend = typer.Typer(no_args_is_help=True)

Backend = Annotated[str, typer.Argument(help="The backend's identifier, bck_…")]
Endpoints = Annotated[list[str], typer.Option("--endpoint", help="host:port; repeatable.")]
Authority = Annotated[Path | None, typer.Option(help="PEM file of your own certificate authority.")]
SignEachCall = Annotated[
    bool, typer.Option(help="Have every call's identity signed for it alone, not just a payment's.")
]
HealthPath = Annotated[str | None, typer.Option(help="The path for health checks: /healthz")]


@backend.command("register")
def register(
    url: Annotated[str, typer.Argument(help="The backend URL of the service's documents.")],
    endpoint: Endpoints,
    authority: Authority = None,
    health_path: HealthPath = None,
    sign_each_call: SignEachCall = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Register the endpoints of one of your services."""
    pem = _read(authority)
    made = call_management(
        profile,
        lambda m: m.backends.register(
            url, endpoint, pem, health_path, signs_each_call=sign_each_call
        ),
    )
    show_one(made["backend"] | {"effective_at": made["effective_at"]}, as_json)


@backend.command("change")
def change(
    backend: Backend,
    endpoint: Endpoints,
    authority: Authority = None,
    health_path: HealthPath = None,
    sign_each_call: SignEachCall = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Replace a service's endpoints, authority and health check."""
    pem = _read(authority)
    made = call_management(
        profile,
        lambda m: m.backends.change(
            backend, endpoint, pem, health_path, signs_each_call=sign_each_call
        ),
    )
    show_one(made["backend"] | {"effective_at": made["effective_at"]}, as_json)


@backend.command("test")
def probe(backend: Backend, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Test that a service refuses callers besides the gateways."""
    show_one(call_management(profile, lambda m: m.backends.test(backend)), as_json)


@backend.command("gateways")
def gateways(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show the facts that identify the gateways' calls: their issuer, their name, the keys."""
    show_one(call_management(profile, lambda m: m.backends.gateway_identity()), as_json)


@backend.command("remove")
def remove(backend: Backend, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Remove a service's endpoints, so that its own address is called again."""
    made = call_management(profile, lambda m: m.backends.remove(backend))
    show_one(made["backend"] | {"effective_at": made["effective_at"]}, as_json)


@backend.command("list")
def list_backends(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your services and their endpoints."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.backends.list()))
    show_list(found, ("url", "endpoints", "health_path", "id"), as_json)


@backend.command("show")
def show(backend: Backend, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show one service and its endpoints."""
    show_one(call_management(profile, lambda m: m.backends.get(backend)), as_json)


def _read(file: Path | None) -> str | None:
    try:
        return None if file is None else file.read_text("ascii")
    except (OSError, ValueError) as error:
        raise CommandError(f"The file {file} cannot be read.") from error
