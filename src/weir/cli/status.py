"""`weir status`: what runs in a home, and how it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from weir.cli.health import ask, socket_path
from weir.kernel import settings as reading
from weir.kernel.settings import Settings
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home


def status(
    home: Annotated[Path | None, typer.Option(help="The home to ask; default .weir/.")] = None,
) -> None:
    """Say what runs in a home and how it is; the exit status is 1 when something is not well."""
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
    raise typer.Exit(0 if all(well for _, _, well in rows) else 1)


def _engines(settings: Settings, home: Home) -> list[tuple[str, str, bool]]:
    rows = []
    for name, url, engine in (
        ("PostgreSQL", settings.database_url, EmbeddedPostgres(home)),
        ("Valkey", settings.valkey_url, EmbeddedValkey(home)),
    ):
        if url is not None:
            rows.append((name, "external", True))
            continue
        state = engine.status()
        word = f"answers, {state.version}" if state.answering else "does not answer"
        rows.append((name, word, state.answering))
    return rows


def _roles(settings: Settings, home: Home) -> list[tuple[str, str, bool]]:
    counts = {
        "gateway": settings.gateway_processes,
        "control": settings.control_processes,
        "worker": 1,
    }
    rows = []
    for name, count in counts.items():
        for number in range(1, count + 1):
            path = socket_path(home, f"{name}-{number}")
            ready = ask(path, "/readyz") is not None
            live = ready or ask(path, "/livez") is not None
            word = "ready" if ready else "starting or cut off" if live else "does not run"
            rows.append((f"{name}-{number}", word, ready))
    return rows
