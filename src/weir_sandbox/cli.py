"""The command `weir-sandbox`: one subcommand an institution."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from weir_sandbox.bank import BANK
from weir_sandbox.institution import Institution
from weir_sandbox.insurer import INSURER
from weir_sandbox.preparation import Generation, today
from weir_sandbox.securities import SECURITIES
from weir_sandbox.server import Listening, serve

_MOST_CUSTOMERS: Final = 20_000
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}\Z")

app = typer.Typer(
    help="Model institutions: a bank, an insurer and a securities firm, each its own process.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1; 0 takes a free one")]
DatabaseUrl = Annotated[
    str,
    typer.Option(envvar="WEIR_SANDBOX_DATABASE_URL", help="postgresql://user@/name?host=/sockets"),
]
File = Annotated[Path, typer.Option(exists=True, dir_okay=False, readable=True)]
Peers = Annotated[
    list[str], typer.Option(help="SHA-256 (hex) of a client certificate to let in; repeatable")
]
Customers = Annotated[int, typer.Option(min=10, max=_MOST_CUSTOMERS, help="People in the world")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The world's seed")]


def _digests(values: list[str]) -> frozenset[str]:
    if not all(_DIGEST.match(value) for value in values):
        raise typer.BadParameter("--peer-sha256 takes 64 hexadecimal digits")
    return frozenset(value.lower() for value in values)


def _command(institution: Institution) -> None:
    def run(
        port: Port,
        database_url: DatabaseUrl,
        certificate: File,
        key: File,
        ca: File,
        peer_sha256: Peers,
        customers: Customers = 1000,
        seed: Seed = 2026,
    ) -> None:
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
        wanted = Generation(seed, customers, today())
        at = Listening(port, certificate, key, ca, _digests(peer_sha256))
        serve(institution, database_url, wanted, at)

    app.command(institution.name, help=f"{institution.title} {institution.title_zh}")(run)


for _institution in (BANK, INSURER, SECURITIES):
    _command(_institution)


def main() -> None:
    """Run the command."""
    app()
