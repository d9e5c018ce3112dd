"""`weir status`: the parts that run in a home, and the state of each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import psycopg
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from valkey import Valkey
from valkey.exceptions import ValkeyError

from weir import compiled
from weir.app import settings as reading
from weir.app.settings import Settings
from weir.cli.health import fetch, socket_path
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home

_TIMEOUT_S: Final = 3


def status(
    home: Annotated[Path | None, typer.Option(help="The home to look at; default .weir/.")] = None,
) -> None:
    """Show the parts that run in a home, and the state of each. Exits with 1 if one is not well."""
    settings = reading.read(os.environ)
    opened = Home.open(home or settings.home, create=False)
    rows = [*_engines(settings, opened), *_roles(settings, opened)]
    table = Table("Part", "State", box=None, pad_edge=False)
    for part, state, _ in rows:
        table.add_row(part, state)
    holder = opened.holder()
    console = Console(highlight=False)
    console.print(f"Home {opened.path}" + (f", run by process {holder.pid}" if holder else ""))
    console.print(table)
    form = "compiled" if compiled.is_used() else "interpreted, several times slower"
    console.print(f"Data plane: {form}")
    raise typer.Exit(0 if all(well for _, _, well in rows) else 1)


def _engines(settings: Settings, home: Home) -> list[tuple[str, str, bool]]:
    """Return (part, state, whether it is well) of each engine."""
    database, cache = settings.database_url, settings.valkey_url
    versions = {
        "PostgreSQL": _postgres_version(database)
        if database is not None
        else EmbeddedPostgres(home).status().version,
        "Valkey": _valkey_version(cache)
        if cache is not None
        else EmbeddedValkey(home).status().version,
    }
    return [
        (name, "does not answer" if version is None else f"answers, {version}", version is not None)
        for name, version in versions.items()
    ]


def _postgres_version(url: str) -> str | None:
    """Return the version of an external PostgreSQL; None when it does not answer."""
    try:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, connect_timeout=_TIMEOUT_S) as connection:
            return connection.info.parameter_status("server_version")
    except (psycopg.Error, ArgumentError):
        return None


def _valkey_version(url: str) -> str | None:
    """Return the version of an external Valkey or Redis; None when it does not answer."""
    try:
        with Valkey.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        ) as client:
            server = client.info("server")
    except (ValkeyError, OSError, ValueError):
        return None
    return str(server.get("valkey_version") or server["redis_version"])


def _roles(settings: Settings, home: Home) -> list[tuple[str, str, bool]]:
    """Return (part, state, whether it is well) of each process of a role."""
    counts = {
        "gateway": settings.gateway_processes,
        "control": settings.control_processes,
        "worker": 1,
    }
    rows = []
    for name, count in counts.items():
        for number in range(1, count + 1):
            path = socket_path(home, f"{name}-{number}")
            ready = fetch(path, "/readyz") is not None
            live = ready or fetch(path, "/livez") is not None
            word = "ready" if ready else "starting or cut off" if live else "does not run"
            rows.append((f"{name}-{number}", word, ready))
    return rows
