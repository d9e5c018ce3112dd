"""Grant management: several consents, one after the other, under one grant identifier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consents", sa.Column("replaces", sa.Text))
    op.create_foreign_key(
        "fk_consents_replaces_consents", "consents", "consents", ["replaces"], ["id"]
    )
    for name in ("grant_id", "current"):
        op.add_column("grants", sa.Column(name, sa.Text))
    op.execute("UPDATE grants SET grant_id = consent, current = consent")
    for name in ("grant_id", "current"):
        op.alter_column("grants", name, nullable=False)
    op.create_foreign_key("fk_grants_current_consents", "grants", "consents", ["current"], ["id"])
    op.create_index("ix_grants_grant_id", "grants", ["grant_id"])
