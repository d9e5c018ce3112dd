"""Re-openings of periods: versions of closings, and the reason for each further one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reopenings",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("closings", JSONB, nullable=False),
        sa.Column("reversed_postings", sa.Integer, nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopened_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reopenings"),
    )
    op.add_column("closings", sa.Column("version", sa.Integer, nullable=False, server_default="1"))
    op.add_column("closings", sa.Column("reopening", sa.Text))
    op.create_foreign_key(
        "fk_closings_reopening_reopenings", "closings", "reopenings", ["reopening"], ["id"]
    )
    op.drop_constraint("uq_closings_period_currency_supplement", "closings")
    op.create_unique_constraint(
        "uq_closings_period_currency_version_supplement",
        "closings",
        ["period", "currency", "version", "supplement"],
    )
