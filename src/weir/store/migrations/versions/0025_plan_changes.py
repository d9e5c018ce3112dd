"""Plan changes: later versions of a pricing, each from a date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_changes",
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("pricing", sa.JSON, nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan", "version", name="pk_plan_changes"),
        sa.ForeignKeyConstraint(["plan"], ["plans.id"], name="fk_plan_changes_plan_plans"),
        sa.CheckConstraint("version > 1", name="ck_plan_changes_version"),
    )
