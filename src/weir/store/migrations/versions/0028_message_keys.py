"""Activation times of existing message keys, which sign since they were made."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        UPDATE keys SET signs_from = created_at, activated_at = created_at
         WHERE purpose = 'message' AND activated_at IS NULL
    """)
