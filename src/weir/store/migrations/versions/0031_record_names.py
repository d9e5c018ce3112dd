"""Random names of consents in call records, which can be erased.

Existing intents have records under the consent's own identifier.
"""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE consents ADD COLUMN record_name text")
    # Hexadecimal digits are valid in an identifier; the leading 0 completes 26 characters.
    op.execute("""
        UPDATE consents
           SET record_name = 'rec_0' || left(
                   replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 25)
    """)
    op.create_unique_constraint("uq_consents_record_name", "consents", ["record_name"])
    op.execute("ALTER TABLE intents ADD COLUMN record_name text")
    op.execute("UPDATE intents SET record_name = consent_id")
    op.execute("ALTER TABLE intents ALTER COLUMN interaction_id DROP NOT NULL")
