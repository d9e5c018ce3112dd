"""A real PostgreSQL and the three institutions as real processes, with 1,000 customers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count

import psycopg
import pytest
from sandbox_world import (
    CUSTOMERS,
    DOCUMENTS,
    SEED,
    Certificates,
    Client,
    NewDatabase,
    Running,
    database_name,
    launch,
    ready,
)

from places import short_folder
from weir.store.engines import EmbeddedPostgres, Home


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def new_database() -> Iterator[NewDatabase]:
    with short_folder() as folder:
        home = Home.open(folder / "home", create=True)
        home.acquire()
        postgres = EmbeddedPostgres(home)
        postgres.start()
        with postgres._connect() as connection:
            # These tests kill institutions, never the engine: what it has need not survive it.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        numbers = count()
        yield lambda: postgres.create_database(database_name(str(next(numbers))))
        postgres.stop()
        home.release()


@pytest.fixture(scope="session")
def institutions(
    certificates: Certificates, new_database: NewDatabase
) -> Iterator[dict[str, Running]]:
    """All three, started together, side by side in one database: each keeps to its schema."""
    options = ("--customers", str(CUSTOMERS), "--seed", str(SEED))
    url = new_database()
    started = {name: launch(certificates, name, url, *options) for name in DOCUMENTS}
    running = {name: ready(process, url) for name, process in started.items()}
    yield running
    for institution in running.values():
        assert institution.stop() == 0


@pytest.fixture(scope="session")
async def bank(
    institutions: dict[str, Running], certificates: Certificates
) -> AsyncIterator[Client]:
    client = Client("bank", institutions["bank"], certificates.client_tls("gateway"))
    yield client
    await client.http.aclose()


@pytest.fixture(scope="session")
async def insurer(
    institutions: dict[str, Running], certificates: Certificates
) -> AsyncIterator[Client]:
    client = Client("insurer", institutions["insurer"], certificates.client_tls("gateway"))
    yield client
    await client.http.aclose()


@pytest.fixture(scope="session")
async def securities(
    institutions: dict[str, Running], certificates: Certificates
) -> AsyncIterator[Client]:
    client = Client("securities", institutions["securities"], certificates.client_tls("gateway"))
    yield client
    await client.http.aclose()


@pytest.fixture
def bank_books(institutions: dict[str, Running]) -> Iterator[psycopg.Connection[tuple[int, ...]]]:
    """The bank's own tables, to check what no operation tells."""
    url = institutions["bank"].database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = river_bank")
        yield connection
