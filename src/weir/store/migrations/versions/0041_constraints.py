"""Constraints that clients registered, and versions of their software."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE applications
            ADD COLUMN constraints jsonb NOT NULL DEFAULT '{}'
    """)
    op.execute("ALTER TABLE registrations ADD COLUMN software_version text")
