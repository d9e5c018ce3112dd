"""An installation on engines and a lake of somebody else's: by settings alone, nothing embedded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from platform_world import start

from places import short_folder
from ports import own_ports
from weir.app.settings import Settings
from weir.cli.installation import Installation
from weir.cli.up import origin_of
from weir.client.transport import TlsTransport
from weir.client.trust import tls_context
from weir.kernel.settings import environment


@pytest.fixture(scope="module")
def external(engines) -> Iterator[Installation]:
    """Started outside the event loop, from the main thread, as `weir up` does."""
    database = engines.create_database()
    public, mtls = own_ports(2)
    with short_folder() as folder:
        settings = Settings(
            database_url=database,
            valkey_url=engines.valkey_url,
            lake_url=(folder / "lake of the bank").as_uri(),
            public_port=public,
            mtls_port=mtls,
            gateway_processes=1,
        )
        installation = Installation(settings, home_path=folder / "home")
        start(installation)
        yield installation
        installation.stop()
    engines.drop_database(database)


def _status(installation: Installation, **changed: str) -> subprocess.CompletedProcess[str]:
    told = environment(installation.settings) | {"WEIR_HOME": str(installation.home.path)}
    return subprocess.run(
        [sys.executable, "-m", "weir", "status"],
        env={"PATH": "/usr/bin:/bin"} | told | changed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_engine_is_started_beside_those_that_are_named(external: Installation) -> None:
    assert external.postgres is None
    assert external.valkey is None
    assert not any(each.name.startswith(("postgres", "valkey")) for each in _logs(external))


def _logs(installation: Installation) -> list[Path]:
    return list(installation.home.log_path("gateway-1").parent.iterdir())


async def test_the_gateway_serves_from_them(external: Installation) -> None:
    where = origin_of(external.settings, "auth")
    async with TlsTransport(tls_context(external.tls.root), 1) as transport:
        caller = httpx.AsyncClient(transport=transport)
        answer = await caller.get(f"{where}/.well-known/oauth-authorization-server")
    assert answer.json()["issuer"] == where


def test_status_asks_them_and_says_what_they_are(external: Installation) -> None:
    said = _status(external)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "PostgreSQL" in said.stdout
    assert said.stdout.count("answers, ") == 2


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("WEIR_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none"),
        ("WEIR_VALKEY_URL", "valkey://127.0.0.1:1/0"),
        ("WEIR_VALKEY_URL", "telepathy://friend"),
    ],
)
def test_status_is_not_well_when_one_does_not_answer(
    external: Installation, variable: str, address: str
) -> None:
    said = _status(external, **{variable: address})
    assert said.returncode == 1
    assert "does not answer" in said.stdout
