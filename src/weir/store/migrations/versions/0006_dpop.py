"""The DPoP key to which a code is bound (RFC 9449 section 10)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("grants", sa.Column("dpop_jkt", sa.Text))
