"""Exchange rates, and the debts converted at them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "exchange_rates",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("quote", sa.Text, nullable=False),
        sa.Column("rate", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("observed_at", _AT, nullable=False),
        sa.Column("recorded_at", _AT, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exchange_rates"),
        sa.CheckConstraint("base <> quote", name="ck_exchange_rates_quote"),
    )
    op.create_index("ix_exchange_rates_base", "exchange_rates", ["base", "quote", "observed_at"])
    op.execute("""
        CREATE TRIGGER exchange_rates_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_rates
        FOR EACH STATEMENT EXECUTE FUNCTION books_are_append_only()
    """)
    op.add_column("obligations", sa.Column("rate", sa.Text))
    op.create_foreign_key(
        "fk_obligations_rate_exchange_rates", "obligations", "exchange_rates", ["rate"], ["id"]
    )
    op.add_column("netting_rounds", sa.Column("rates", JSONB, nullable=False, server_default="[]"))
