"""Applications that always sign their requests (RFC 9101 section 10.5)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "applications",
        sa.Column(
            "require_signed_request_object",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
        ),
    )
