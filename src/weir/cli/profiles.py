"""Profiles in the home, and requests to the management API in a profile's name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from weir.app import settings as reading
from weir.kernel import identifiers

if TYPE_CHECKING:
    from weir.client import Management, Platform

Result = TypeVar("Result")

DEFAULT: Final = "operator"
ProfileName = Annotated[
    str,
    typer.Option(
        "--profile",
        "-p",
        help="The profile to act as: a name in HOME/profiles, or a profile's folder.",
    ),
]


def home_path() -> Path:
    """Return the home that WEIR_HOME names, or the default one."""
    settings = reading.read(os.environ)
    if settings.home is not None:
        return settings.home
    from weir.store.engines import user
    from weir.store.engines.home import default_path

    return default_path(user.choose())


def folder_of(name: str) -> Path:
    """Return a profile's folder. A name with a slash in it is a path of its own."""
    if "/" in name:
        return Path(name).expanduser()
    if not identifiers.is_slug(name):
        raise typer.BadParameter("a profile is named by lower-case letters, digits and hyphens")
    return home_path() / "profiles" / name


def configured_platform(ca: Path | None = None) -> Platform:
    """Return the platform that the settings name; `ca` is its root, by default the home's."""
    from weir.client import Platform

    settings = reading.read(os.environ)
    return Platform.at(
        ca or home_path() / "tls" / "authority.pem",
        settings.domain,
        settings.public_port,
        settings.mtls_port,
    )


def platform_of(name: str) -> Platform:
    """Return the platform of a profile: of its session, or of its application."""
    from weir.client import Profile
    from weir.client.terminal import TerminalSession

    folder = folder_of(name)
    session = TerminalSession.load(folder)
    return session.platform if session is not None else Profile.load(folder).platform


def call_management(
    name: str,
    work: Callable[[Management], Awaitable[Result]],
    *,
    by_application: bool = False,
) -> Result:
    """Run `work` with the management API in the profile's name, and return its result.

    The person who is signed in at the profile asks, or else its application; with `by_application`
    always that one, for what only an application may do.
    """
    from weir.client import Management, Profile
    from weir.client.terminal import TerminalSession

    folder = folder_of(name)
    session = None if by_application else TerminalSession.load(folder)
    if session is None:
        opened = Management.open(Profile.load(folder))
    else:
        opened = Management.at_terminal(session)

    async def run() -> Result:
        async with opened as management:
            return await work(management)

    return asyncio.run(run())
