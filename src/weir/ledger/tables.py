"""Tables of postings and entries. Triggers (migration 0005) keep them balanced, append-only."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from weir.store.schema import metadata

postings = Table(
    "postings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("reverses", Text, ForeignKey("postings.id")),
    Column("actor_organisation", Text, nullable=False),
    Column("actor_subject", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("reference"),
    UniqueConstraint("reverses"),
)

# A debit is positive, a credit negative.
entries = Table(
    "entries",
    metadata,
    Column("posting", Text, ForeignKey("postings.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("posting", "line"),
    CheckConstraint("amount_minor <> 0", name="amount_minor"),
    Index("ix_entries_account", "account", "currency"),
)
