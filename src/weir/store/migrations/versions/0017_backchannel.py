"""Backchannel requests to customers on their own device (CIBA), and permitted applications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name in ("redirect_uri", "code_challenge", "code_sha256", "code_expires_at"):
        op.alter_column("grants", name, nullable=True)
    for name in ("backchannel_token_delivery_mode", "backchannel_client_notification_endpoint"):
        op.add_column("applications", sa.Column(name, sa.Text))
    _requests()


def _requests() -> None:
    op.create_table(
        "backchannel_requests",
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("hint_sha256", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("member_slug", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("details", JSONB, nullable=False),
        sa.Column("details_end_at", _MOMENT),
        sa.Column("binding_message", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("decided_at", _MOMENT),
        sa.Column("interval_s", sa.Integer, nullable=False),
        sa.Column("polled_at", _MOMENT),
        sa.Column("sealed_refresh", sa.LargeBinary),
        sa.Column("sealed_ping", sa.LargeBinary),
        sa.Column("ping_at", _MOMENT),
        sa.Column("pings", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("consent", name="pk_backchannel_requests"),
        sa.UniqueConstraint("secret_sha256", name="uq_backchannel_requests_secret_sha256"),
        sa.ForeignKeyConstraint(
            ["client"], ["applications.id"], name="fk_backchannel_requests_client_applications"
        ),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.id"], name="fk_backchannel_requests_customer_customers"
        ),
        sa.CheckConstraint(
            "state IN ('awaiting', 'granted', 'denied')", name="ck_backchannel_requests_state"
        ),
    )
    for columns in (["client", "asked_at"], ["customer"], ["expires_at"]):
        name = "_".join(columns)
        op.create_index(f"ix_backchannel_requests_{name}", "backchannel_requests", columns)
    op.create_index(
        "ix_backchannel_requests_ping_at",
        "backchannel_requests",
        ["ping_at"],
        postgresql_where=sa.text("ping_at IS NOT NULL"),
    )
