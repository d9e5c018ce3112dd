"""Sealed segments, the tree over all seals, roots and their witnesses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    _segments()
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name="pk_log_nodes"),
    )
    op.create_table(
        "roots",
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_roots"),
        sa.UniqueConstraint("day", name="uq_roots_day"),
    )
    op.create_table(
        "witnesses",
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", "organisation", name="pk_witnesses"),
        sa.ForeignKeyConstraint(["size"], ["roots.size"], name="fk_witnesses_size_roots"),
    )
    op.create_table(
        "replaced_files",
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_replaced_files"),
    )


def _segments() -> None:
    """Replace the table of segments; rows of the first form had no signature to carry over."""
    held = op.get_bind().execute(sa.text("SELECT count(*) FROM segments")).scalar()
    if held:
        raise RuntimeError("the lake holds records that were never signed; start a new home")
    op.drop_column("segments", "recovered")
    op.add_column("segments", sa.Column("state", sa.Text, nullable=False))
    op.add_column("segments", sa.Column("seal", JSONB, nullable=False))
    op.add_column("segments", sa.Column("leaf", sa.BigInteger, nullable=False))
    op.create_unique_constraint("uq_segments_leaf", "segments", ["leaf"])


def downgrade() -> None:
    op.drop_table("replaced_files")
    op.drop_table("witnesses")
    op.drop_table("roots")
    op.drop_table("log_nodes")
    op.drop_constraint("uq_segments_leaf", "segments")
    for column in ("leaf", "seal", "state"):
        op.drop_column("segments", column)
    op.add_column("segments", sa.Column("recovered", sa.Boolean, nullable=False))
