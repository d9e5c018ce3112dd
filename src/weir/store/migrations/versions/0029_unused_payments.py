"""An index of the unused consents to one payment, which are queried every second."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_consents_unused_payments",
        "consents",
        ["id"],
        postgresql_where=sa.text("state = 'granted' AND type = 'urn:weir:payment-initiation:v1'"),
    )
