"""The hand-written migrations and the tables the code declares are one schema."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError

import weir
from weir.kernel.outcomes import Refusal
from weir.store import migrations
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


@pytest.fixture
def empty_url(engines: Any) -> Iterator[str]:
    url = engines.create_database()
    yield url
    engines.drop_database(url)


def upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


# Half done, settled halfway with its debts written, asked for, over, and refused.
CLOSINGS = """
    INSERT INTO organisations (id, kind, slug, name_en, name_zh, status, stage, admitted_at,
                               admitted_by, changed_at)
    VALUES ('org_1', 'operator', 'estuary', 'Estuary', '河口', 'active', 'production', now(),
            'usr_1', now());
    INSERT INTO closing_jobs (id, period, currency, settle, requested_at, requested_by,
                              requested_as, status, slot, release, draft, is_new, failure, ended_at)
    VALUES ('job_1', '2026-10', 'CNY', false, '2026-11-01Z', 'org_1', 'usr_1', 'open', 3, 'old',
            'counted', true, NULL, NULL),
           ('job_2', '2026-10', 'EUR', true, '2026-11-02Z', 'org_1', 'usr_1', 'open', 4, 'old',
            'counted', true, NULL, NULL),
           ('job_3', '2026-10', 'USD', true, '2026-11-03Z', 'org_1', 'usr_2', 'open', NULL, NULL,
            NULL, NULL, NULL, NULL),
           ('job_4', '2026-09', 'CNY', false, '2026-10-01Z', 'org_1', 'usr_1', 'done', 1, 'old',
            NULL, true, NULL, '2026-10-02Z'),
           ('job_5', '2026-09', 'CNY', false, '2026-10-03Z', 'org_1', 'usr_1', 'failed', 1, 'old',
            NULL, NULL, 'illegal_state', '2026-10-04Z');
    INSERT INTO closing_steps (job, step, slot, done_at)
    VALUES ('job_1', 'rated', 2, '2026-11-01Z'), ('job_1', 'posted', 3, '2026-11-02Z'),
           ('job_2', 'rated', 4, '2026-11-02Z'), ('job_2', 'posted', 4, '2026-11-02Z'),
           ('job_2', 'stated', 4, '2026-11-02Z'), ('job_2', 'owed', 4, '2026-11-02Z')
"""


def test_closings_under_way_go_on_as_jobs(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        upgrade(connection, "0035")
        connection.execute(text(CLOSINGS))
    migrate(empty_url)
    with engine.connect() as connection:
        connection.execute(text("SET TIME ZONE 'UTC'"))
        jobs = connection.execute(text("SELECT * FROM jobs ORDER BY id")).all()
        steps = connection.execute(text("SELECT * FROM job_steps ORDER BY job, done_at")).all()
        closings = connection.execute(text("SELECT * FROM closing_jobs ORDER BY id")).all()
    engine.dispose()
    assert {(each.kind, each.requested_by) for each in jobs} == {("closing", "org_1")}
    assert [each.subject for each in jobs] == ["CNY", "EUR", "USD", "CNY", "CNY"]
    assert [each.status for each in jobs] == ["open", "open", "open", "done", "failed"]
    assert [(each.slot, each.release) for each in jobs[:3]] == [
        (3, "old"),
        (4, "old"),
        (None, None),
    ]
    assert jobs[0].steps == ["rated", "posted", "stated", "owed"]
    assert jobs[1].steps == [*jobs[0].steps, "netted", "instructed", "handed_over"]
    assert [each.failure for each in jobs[3:]] == [None, "illegal_state"]
    assert [f"{each.requested_at:%m-%d} {each.requested_as}" for each in jobs[1:3]] == [
        "11-02 usr_1",
        "11-03 usr_2",
    ]
    assert [f"{each.ended_at:%m-%d}" for each in jobs[3:]] == ["10-02", "10-04"]
    assert [(each.job, each.step, each.slot) for each in steps[:2]] == [
        ("job_1", "rated", 2),
        ("job_1", "posted", 3),
    ]
    assert len(steps) == 6
    assert [each.draft for each in closings] == [b"counted", None, None, None, None]
    assert [(each.period, each.settle) for each in closings[:2]] == [
        ("2026-10", False),
        ("2026-10", True),
    ]


def test_the_next_closing_of_a_currency_waits_for_the_one_that_was_carried_over(
    empty_url: str,
) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        upgrade(connection, "0035")
        connection.execute(text(CLOSINGS))
    migrate(empty_url)
    again = """
        INSERT INTO jobs (id, kind, subject, steps, requested_at, requested_by, requested_as,
                          status)
        VALUES ('job_6', 'closing', 'CNY', ARRAY['rated'], now(), 'org_1', 'usr_1', 'open')
    """
    with engine.connect() as connection, pytest.raises(IntegrityError, match="uq_jobs_open"):
        connection.execute(text(again))
    engine.dispose()
