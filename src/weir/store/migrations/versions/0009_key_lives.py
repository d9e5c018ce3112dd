"""States of signing keys, and end dates of algorithms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("signs_from", "activated_at", "superseded_at", "revoked_at"):
        op.add_column("keys", sa.Column(name, sa.DateTime(timezone=True)))
    op.execute("UPDATE keys SET signs_from = created_at, activated_at = created_at")
    op.create_table(
        "algorithm_endings",
        sa.Column("algorithm", sa.Text, primary_key=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column(
        "applications",
        sa.Column("revoked_keys", JSONB, nullable=False, server_default="[]"),
    )
    op.add_column(
        "applications",
        sa.Column("rehearses", sa.Boolean, nullable=False, server_default=sa.false()),
    )
