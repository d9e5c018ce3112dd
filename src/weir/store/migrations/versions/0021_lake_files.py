"""The manifest of the lake's files, so that small ones can be merged and old ones expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

# For a segment that spans two hours, the number of records in each hour is unknown: 0.
_FILL = """
    INSERT INTO lake_files (file, hour, records, segments, holds)
    SELECT file,
           to_timestamp(substring(file from 'day=([0-9-]{10})')
                        || substring(file from 'hour=([0-9]{2})') || '+00', 'YYYY-MM-DDHH24TZH'),
           CASE WHEN jsonb_array_length(files) = 1 THEN records ELSE 0 END, 1, 'all'
      FROM segments, jsonb_array_elements_text(files) AS held (file)
"""


def upgrade() -> None:
    op.drop_table("replaced_files")
    op.create_table(
        "lake_files",
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("holds", sa.Text, nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("file", name="pk_lake_files"),
        sa.CheckConstraint("holds IN ('all', 'transactions')", name="ck_lake_files_holds"),
    )
    op.create_index("ix_lake_files_hour", "lake_files", ["hour"])
    op.create_index(
        "ix_lake_files_replaced_at",
        "lake_files",
        ["replaced_at"],
        postgresql_where=sa.text("replaced_at IS NOT NULL"),
    )
    op.execute(_FILL)


def downgrade() -> None:
    op.drop_table("lake_files")
    op.create_table(
        "replaced_files",
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_replaced_files"),
    )
