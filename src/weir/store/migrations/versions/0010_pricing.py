"""Pricing of plans by components, and the times from and until which subscriptions held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("pricing", sa.JSON))
    op.execute(
        "UPDATE plans SET pricing = CASE WHEN price = 0 THEN '{\"components\": []}'::json"
        " ELSE json_build_object('components', json_build_array(json_build_object("
        "'kind', 'per_call', 'price', trim_scale(price)::text))) END"
    )
    op.alter_column("plans", "pricing", nullable=False)
    op.drop_column("plans", "price")
    op.add_column("subscriptions", sa.Column("activated_at", sa.DateTime(timezone=True)))
    op.add_column("subscriptions", sa.Column("ended_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE subscriptions SET activated_at = requested_at WHERE status <> 'requested'")
    op.add_column(
        "agreements", sa.Column("billable", sa.Text, nullable=False, server_default="succeeded")
    )
    op.add_column(
        "agreements", sa.Column("rounding", sa.Text, nullable=False, server_default="half_even")
    )
    op.execute("UPDATE subscriptions SET ended_at = changed_at WHERE status = 'ended'")
