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


def test_applications_of_before_get_the_person_who_registered_them(database_url: str) -> None:
    """Also through another application: a developer's is no owner's, whoever stood between."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        for statement in _AS_IT_WAS.split(";"):
            connection.execute(text(statement.replace(":", "\\:")))
    migrate(database_url)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT id, registrant, management_role FROM applications ORDER BY id")
        ).all()
        assert [tuple(each) for each in found] == [
            ("app_a", "usr_dev", "developer"),
            ("app_b", "usr_dev", "developer"),
            ("app_c", "usr_owner", "owner"),
            ("app_d", "usr_left", "owner"),
            ("app_e", None, None),
            ("app_f", None, "owner"),
        ]
        left = connection.execute(text("SELECT id FROM one_time_links WHERE expires_at > now()"))
        assert [each.id for each in left] == ["lnk_person"]
    engine.dispose()


_AS_IT_WAS = """
    DROP TABLE terminal_sessions;
    ALTER TABLE applications DROP COLUMN registrant, DROP COLUMN management_role,
        DROP COLUMN constraints;
    ALTER TABLE registrations DROP COLUMN software_version;
    UPDATE alembic_version SET version_num = '0038';
    INSERT INTO organisations
        (id, kind, slug, name_en, name_zh, partner_class, status, admitted_at, admitted_by,
         changed_at)
    SELECT id, 'partner', id, id, id, 'software_vendor', 'active', now(), 'x', now()
    FROM (VALUES ('one'), ('new')) AS each (id);
    INSERT INTO people
        (id, name, display_name, kind, organisation, language, passphrase_hash, created_at, role,
         status, sessions_since)
    SELECT id, id, id, 'partner', 'one', 'en', '', now(), role, status, now()
    FROM (VALUES ('usr_dev', 'developer', 'active'), ('usr_left', 'owner', 'removed'),
                 ('usr_owner', 'owner', 'active')) AS each (id, role, status);
    INSERT INTO applications
        (id, organisation, name, token_endpoint_auth_method, jwks, redirect_uris, roles, status,
         registered_at, changed_at)
    SELECT id, organisation, id, 'tls_client_auth', '{}', '[]', roles::jsonb, 'active', now(),
           now()
    FROM (VALUES ('app_a', 'one', '["manage"]'), ('app_b', 'one', '["manage"]'),
                 ('app_c', 'one', '["manage"]'), ('app_d', 'one', '["data", "manage"]'),
                 ('app_e', 'one', '["data"]'), ('app_f', 'new', '["manage"]'))
         AS each (id, organisation, roles);
    INSERT INTO audit_entries
        (organisation, number, at, actor_organisation, actor_subject, event, subject, detail, seal)
    SELECT 'one', number, now(), actor, subject_of, 'application.registered', id, '{}', ''
    FROM (VALUES (1, 'one', 'usr_dev', 'app_a'), (2, 'one', 'app_a', 'app_b'),
                 (3, 'operator', 'usr_dev', 'app_c'), (4, 'one', 'usr_left', 'app_d'),
                 (5, 'directory', 'issuer', 'app_e'))
         AS each (number, actor, subject_of, id);
    INSERT INTO one_time_links
        (id, secret_sha256, purpose, subject, organisation, created_at, expires_at, role,
         created_by)
    SELECT id, id, 'partner', 'one', 'one', now(), now() + interval '1 hour', 'owner', maker
    FROM (VALUES ('lnk_app', 'app_a'), ('lnk_person', 'usr_owner')) AS each (id, maker)
"""
