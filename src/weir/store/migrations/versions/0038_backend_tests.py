"""Backends: an identity for each call, and whether the service refuses callers besides gateways."""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE backends
            ADD COLUMN signs_each_call boolean NOT NULL DEFAULT false,
            ADD COLUMN tested_at timestamp with time zone,
            ADD COLUMN findings jsonb,
            ADD CONSTRAINT ck_backends_tested CHECK ((tested_at IS NULL) = (findings IS NULL))
    """)
