"""An index of expired changes, so that they are found among, say, a million withdrawals.

Earlier removals had no expiry and would have stayed for ever; they get one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE changes SET expires_at = now() + interval '1 day' "
        "WHERE document IS NULL AND expires_at IS NULL"
    )
    op.create_index(
        "ix_changes_expires_at",
        "changes",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
