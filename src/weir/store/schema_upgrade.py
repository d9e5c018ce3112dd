"""Migrate a database to this version's schema, or refuse one that a newer weir has written."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from weir.kernel.outcomes import Refusal
from weir.store import locks
from weir.store.declares import ENGINE_UNAVAILABLE, SCHEMA_LOCK, SCHEMA_NEWER


def migrate(database_url: str) -> str:
    """Apply the missing migrations in one transaction. Returns the schema's revision.

    Refusal SCHEMA_NEWER when the database is newer than this code, ENGINE_UNAVAILABLE when it
    cannot be reached.
    """
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            connection.execute(locks.HOLD, locks.key(SCHEMA_LOCK))
            return _upgrade(connection)
    except OperationalError as error:
        raise Refusal(ENGINE_UNAVAILABLE, f"postgresql: {error.orig!r}") from error
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    present = MigrationContext.configure(connection).get_current_revision()
    try:
        if present is not None:
            scripts.get_revision(present)
    except CommandError as error:
        raise Refusal(SCHEMA_NEWER, f"revision {present} is unknown") from error
    command.upgrade(config, "head")
    return str(scripts.get_current_head())
