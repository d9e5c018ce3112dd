"""A code's refresh token is settled when the code is made, so that exchanging it moves no index.

Codes that are out now, which live a minute, have none settled and can be exchanged no more.
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
