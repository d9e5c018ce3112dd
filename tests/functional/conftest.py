"""Real engines for functional tests: one PostgreSQL and one Valkey a test process, and a freshly
migrated database a test. Nothing here replaces a part of the platform.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from places import short_folder
from weir.audit.chain import AuditJournal
from weir.kernel.clock import SystemClock
from weir.keys.authority import Authority
from weir.keys.master_key import SealingKey, derive
from weir.keys.vault import Vault
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home
from weir.store.schema_upgrade import migrate

MASTER_KEY = bytes(range(32))
# Proofs made in a cache's first two seconds are refused, since they may be older than it.
_CACHE_FORGETS_S = 2.5


@dataclass
class Engines:
    """`admin_url` may create databases; each test gets its own copy of the migrated template."""

    admin_url: str
    valkey_url: str
    numbers: Iterator[int]

    def create_database(self, template: str | None = None) -> str:
        name = f"test_{os.getpid()}_{next(self.numbers)}"
        self._admin(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return make_url(self.admin_url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Also while PostgreSQL cleans up in it, which only its superuser may interrupt."""
        for last in (False, False, False, False, True):
            try:
                self._admin(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")
                return
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
                if last:
                    raise
                time.sleep(0.5)

    def _admin(self, statement: str) -> None:
        plain = self.admin_url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """A home of its own for this test process, by a short path that the engines' user can pass."""
    with short_folder() as folder:
        home = Home.open(folder / "home", create=True)
        home.acquire()
        yield home
        home.release()


@pytest.fixture(scope="session")
def engines(home: Home) -> Iterator[Engines]:
    postgres, valkey = EmbeddedPostgres(home), EmbeddedValkey(home)
    url = postgres.start()
    with postgres._connect() as connection:
        connection.execute("ALTER ROLE weir CREATEDB")
        # Tests end engines on purpose elsewhere; here speed counts and nothing need survive.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    cache_url = valkey.start()
    time.sleep(_CACHE_FORGETS_S)
    yield Engines(url, cache_url, count())
    valkey.stop()
    postgres.stop()


@pytest.fixture(scope="session")
def template(engines: Engines) -> Iterator[str]:
    url = engines.create_database()
    migrate(url)
    yield str(make_url(url).database)
    engines.drop_database(url)


@pytest.fixture
def database_url(engines: Engines, template: str) -> Iterator[str]:
    url = engines.create_database(template)
    yield url
    engines.drop_database(url)


@pytest.fixture
async def cache(engines: Engines) -> AsyncIterator[Cache]:
    cache = Cache(engines.valkey_url)
    await cache.client.flushdb()
    yield cache
    await cache.close()


@pytest.fixture
def journal() -> AuditJournal:
    return AuditJournal(derive(MASTER_KEY, "weir audit v1"))


@pytest.fixture
async def database(
    database_url: str, journal: AuditJournal, cache: Cache
) -> AsyncIterator[Database]:
    database = Database(database_url, clock=SystemClock(), journal=journal, cache=cache)
    yield database
    await database.close()


@pytest.fixture
def sealing() -> SealingKey:
    return SealingKey(MASTER_KEY)


@pytest.fixture
async def vault(database: Database, sealing: SealingKey) -> Vault:
    return await Vault.open(database, sealing)


@pytest.fixture
async def authority(database: Database, sealing: SealingKey) -> Authority:
    return await Authority.open(database, sealing)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder with a short path, for sockets too."""
    tmp_path.chmod(0o700)
    return tmp_path
