"""Endpoints of members' services."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backends",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("endpoints", JSONB, nullable=False),
        sa.Column("authority", sa.Text),
        sa.Column("health_path", sa.Text),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_backends"),
        sa.ForeignKeyConstraint(
            ["owner"], ["organisations.id"], name="fk_backends_owner_organisations"
        ),
        sa.UniqueConstraint("owner", "url", name="uq_backends_owner_url"),
    )
