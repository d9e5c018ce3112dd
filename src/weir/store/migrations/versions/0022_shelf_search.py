"""The search index of products, and their descriptions in both languages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_WORDS = ("description_zh", "suits_en", "suits_zh")


def upgrade() -> None:
    for name in _WORDS:
        op.add_column("products", sa.Column(name, sa.Text, nullable=False, server_default=""))
    words = postgresql.ARRAY(sa.Text)
    scenes: sa.Column[list[str]] = sa.Column("scenes", words, nullable=False, server_default="{}")
    op.add_column("products", scenes)
    op.add_column("product_capabilities", sa.Column("terms", postgresql.TSVECTOR))
    op.create_table(
        "shelf_entries",
        sa.Column("product", sa.Text, sa.ForeignKey("products.id"), primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("terms", postgresql.TSVECTOR, nullable=False),
        sa.Column("grade", sa.Integer),
        sa.Column("prices", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("scenes", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_shelf_entries_terms", "shelf_entries", ["terms"], postgresql_using="gin")
    op.create_index("ix_shelf_entries_published_at", "shelf_entries", ["published_at", "product"])
