"""Agreements that counter one another, and the signatures under their terms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agreements", sa.Column("counters", sa.Text))
    op.create_foreign_key(
        "fk_agreements_counters_agreements", "agreements", "agreements", ["counters"], ["id"]
    )
    op.add_column("agreement_acceptances", sa.Column("certificate", sa.Text))
    op.add_column("agreement_acceptances", sa.Column("jws", sa.Text))
    op.create_check_constraint(
        "ck_agreement_acceptances_jws",
        "agreement_acceptances",
        "(certificate IS NULL) = (jws IS NULL)",
    )
