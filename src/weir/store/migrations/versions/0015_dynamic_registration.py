"""Dynamic client registration: trust anchors, registrations, and used software statements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("applications", sa.Column("jwks_uri", sa.Text))
    op.create_table(
        "trust_anchors",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("jwks", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("registered_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.CheckConstraint("status IN ('active', 'ended')", name="ck_trust_anchors_status"),
    )
    op.create_table(
        "registrations",
        sa.Column("application", sa.Text, sa.ForeignKey("applications.id"), primary_key=True),
        sa.Column("issuer", sa.Text, sa.ForeignKey("trust_anchors.issuer"), nullable=False),
        sa.Column("software_id", sa.Text, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("token_sha256", sa.Text, nullable=False),
        sa.Column("registered_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
    )
    op.create_table(
        "used_statements",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("jti", sa.Text, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "jti"),
    )
    op.create_index("ix_used_statements_expires_at", "used_statements", ["expires_at"])
