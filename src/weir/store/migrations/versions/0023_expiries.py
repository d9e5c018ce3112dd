"""Signed statements about call records that expired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "expiries",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record_class", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("hour", "record_class", "at", name="pk_expiries"),
    )
    op.create_index("ix_expiries_at", "expiries", ["at"])


def downgrade() -> None:
    op.drop_table("expiries")
