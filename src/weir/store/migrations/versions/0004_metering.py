"""Budgets, payment intents, and the contents of the lake."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("span", sa.Text, nullable=False),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("leased", sa.BigInteger, nullable=False),
        sa.Column("cap", sa.BigInteger, nullable=False),
        sa.Column("returned", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "span", name="pk_budgets"),
        sa.CheckConstraint("granted >= 0", name="ck_budgets_granted"),
    )
    op.create_index("ix_budgets_updated_at", "budgets", ["updated_at"])
    _intents()
    _segments()


def _intents() -> None:
    op.create_table(
        "intents",
        sa.Column("consent_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("request_sha256", sa.Text, nullable=False),
        sa.Column("capability", sa.Text, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("interaction_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name="pk_intents"),
        sa.UniqueConstraint(
            "client_id", "idempotency_key", name="uq_intents_client_id_idempotency_key"
        ),
        sa.CheckConstraint(
            "state IN ('forwarded', 'answered', 'reconciled')", name="ck_intents_state"
        ),
    )
    op.create_index(
        "ix_intents_forwarded", "intents", ["at"], postgresql_where=sa.text("state = 'forwarded'")
    )


def _segments() -> None:
    op.create_table(
        "segments",
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("segment", sa.BigInteger, nullable=False),
        sa.Column("first_number", sa.BigInteger, nullable=False),
        sa.Column("last_number", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("previous_sha256", sa.Text, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recovered", sa.Boolean, nullable=False),
        sa.Column("files", JSONB, nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stream", "segment", name="pk_segments"),
    )
    op.create_index("ix_segments_last_at", "segments", ["last_at"])
