"""Recurring payments: many intents for a consent, and a sum for each period.

The old primary key of intents, one for each consent, still holds for consents to one payment: their
`occurrence` is empty.
"""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE intents ADD COLUMN occurrence text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE intents ADD COLUMN periods text[]")
    op.execute("ALTER TABLE intents ADD COLUMN attempts integer NOT NULL DEFAULT 1")
    op.drop_constraint("pk_intents", "intents")
    op.create_primary_key("pk_intents", "intents", ["consent_id", "occurrence"])
    op.execute("""
        CREATE TABLE period_sums (
            consent_id text NOT NULL,
            period text NOT NULL,
            spent_minor bigint NOT NULL,
            limit_minor bigint NOT NULL,
            ends_at timestamp with time zone NOT NULL,
            CONSTRAINT pk_period_sums PRIMARY KEY (consent_id, period),
            CONSTRAINT ck_period_sums_spent CHECK (spent_minor BETWEEN 0 AND limit_minor)
        )
    """)
    op.create_index("ix_period_sums_ends_at", "period_sums", ["ends_at"])
