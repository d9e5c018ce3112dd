"""The hand-written migrations and the tables the code declares are one schema."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

import weir
from weir.kernel.outcomes import Refusal
from weir.store.declares import SCHEMA_NEWER
from weir.store.schema import metadata
from weir.store.schema_upgrade import migrate


def test_the_migrated_database_has_exactly_the_declared_tables(database_url: str) -> None:
    for module in pkgutil.walk_packages(weir.__path__, "weir."):
        if module.name.endswith("tables"):
            importlib.import_module(module.name)
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == migrate(database_url)


def test_a_database_of_a_newer_weir_is_refused(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(Refusal) as refused:
        migrate(database_url)
    assert refused.value.outcome is SCHEMA_NEWER
