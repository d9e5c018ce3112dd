"""Products with signed requests and answers (RFC 9421), and the keys that verify requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Adds the keys to the published documents of applications; gateways reload after an upgrade.
_KEYS = """
UPDATE changes SET document = jsonb_set(changes.document, '{keys}', applications.jwks -> 'keys')
FROM applications
WHERE changes.kind = 'application' AND changes.key = applications.id
AND changes.document IS NOT NULL
"""


def upgrade() -> None:
    signed = sa.Column("signed_messages", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("products", signed)
    op.execute(_KEYS)
