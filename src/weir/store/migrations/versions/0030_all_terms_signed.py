"""Signed terms are required for the acceptance of an agreement."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("ck_agreement_acceptances_jws", "agreement_acceptances")
    op.alter_column("agreement_acceptances", "certificate", nullable=False)
    op.alter_column("agreement_acceptances", "jws", nullable=False)
