"""Refresh tokens made together with the code, so that exchanging the code updates no index.

Codes issued before, which live a minute, have none and can no longer be exchanged.
"""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE grants ADD COLUMN refresh_salt text")
    op.execute("ALTER TABLE grants SET (fillfactor = 80)")
    op.execute("""
        UPDATE grants SET code_expires_at = now()
         WHERE code_used_at IS NULL AND code_expires_at > now()
    """)
