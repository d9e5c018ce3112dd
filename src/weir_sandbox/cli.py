"""The command `weir-sandbox`: one subcommand an institution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from weir_sandbox.bank import BANK
from weir_sandbox.institution import Institution
from weir_sandbox.insurer import INSURER
from weir_sandbox.log_lines import log_to_stderr
from weir_sandbox.platform_keys import Platform
from weir_sandbox.preparation import Generation, today
from weir_sandbox.securities import SECURITIES
from weir_sandbox.server import Listening, serve

_MOST_CUSTOMERS: Final = 20_000

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
Gateways = Annotated[
    Path, typer.Option("--ca", exists=True, dir_okay=False, help="Issuer of gateways' certificates")
]
Staff = Annotated[
    list[Path] | None,
    typer.Option(exists=True, dir_okay=False, help="Certificate of staff to let in; repeatable"),
]
Issuer = Annotated[str, typer.Option(help="The platform's issuer, https://auth.…; keys at /jwks")]
PlatformCa = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="Authority of the platform's servers")
]
Member = Annotated[str, typer.Option(help="This institution's name on the platform")]
Customers = Annotated[int, typer.Option(min=10, max=_MOST_CUSTOMERS, help="People in the world")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The world's seed")]


def _command(institution: Institution) -> None:
    def run(
        port: Port,
        database_url: DatabaseUrl,
        certificate: File,
        key: File,
        ca: Gateways,
        issuer: Issuer,
        platform_ca: PlatformCa,
        member: Member,
        staff: Staff = None,
        customers: Customers = 1000,
        seed: Seed = 2026,
    ) -> None:
        log_to_stderr()
        wanted = Generation(seed, customers, today())
        at = Listening(port, certificate, key, ca, tuple(staff or ()))
        serve(institution, database_url, wanted, at, Platform(issuer, platform_ca, member))

    app.command(institution.name, help=f"{institution.title} {institution.title_zh}")(run)


for _institution in (BANK, INSURER, SECURITIES):
    _command(_institution)


def main() -> None:
    """Run the command."""
    app()
