"""`weir up`: everything on one machine, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from weir.app import settings as reading
from weir.app.settings import Settings
from weir.cli.installation import Installation
from weir.cli.roles import ROOT_ADVICE
from weir.kernel.origins import https_origin

_TEND_S: Final = 1.0
_ENTRANCES: Final = (
    ("visitor", "/shelf"),
    ("developer", "/sign-up"),
    ("institution", "/desk"),
    ("operator", "/desk"),
    ("auditor", "/desk/audit"),
    ("customer", "/my/consents"),
)


def up(
    home: Annotated[
        Path | None, typer.Option(help="The folder for all data of the platform; default .weir/.")
    ] = None,
) -> None:
    """Start weir on this machine, and keep it running until Ctrl-C."""
    console = Console(highlight=False)
    stop = threading.Event()
    installation = Installation(reading.read(os.environ), home_path=home)
    # SIGTERM must not leave the engines to the kernel's mercy: it ends us as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    if os.geteuid() == 0:
        console.print(ROOT_ADVICE)
    with console.status("Starting"):
        installation.start(lambda step: console.print(f"  {step}"))
    try:
        console.print(welcome_text(installation), soft_wrap=True)
        while not stop.wait(_TEND_S):
            for sentence in installation.restart_dead():
                console.print(sentence)
    finally:
        console.print("Stopping")
        installation.stop()


def welcome_text(installation: Installation) -> str:
    """Return the text for a newcomer: the addresses of the platform, and the next step."""
    settings = installation.settings
    portal = origin_of(settings, "portal")
    lines = [
        "",
        "weir is running.",
        f"  Begin here      {portal}/tour, which leads everybody to their own entrance:",
        *(f"    {who:13} {portal}{path}" for who, path in _ENTRANCES),
        "",
        f"  Authorization   {origin_of(settings, 'auth')}/.well-known/oauth-authorization-server",
        f"  API             {origin_of(settings, 'api', mtls=True)}/",
        f"  Management API  {origin_of(settings, 'manage', mtls=True)}/v1/openapi.json",
        f"  Home            {installation.home.path}",
        f"  Authority       {installation.tls.root}",
    ]
    if installation.prepared.founding_secret is not None:
        lines += [
            "",
            "No alliance has been founded here yet. This link makes its first operator, once:",
            f"  weir operator claim '{founding_link(installation)}'",
        ]
    return "\n".join([*lines, "", "Ctrl-C stops it."])


def founding_link(installation: Installation) -> str:
    """Return the one-time link; its secret stands after `#`, so that no server ever logs it."""
    secret = installation.prepared.founding_secret
    return f"{origin_of(installation.settings, 'manage')}/v1/founding#{secret}"


def origin_of(settings: Settings, role: str, *, mtls: bool = False) -> str:
    """Return the origin of one of the four hosts."""
    port = settings.mtls_port if mtls else settings.public_port
    return https_origin(f"{role}.{settings.domain}", port)
