"""Closings of periods, the records each was made of, and the statements."""

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
from sqlalchemy.dialects.postgresql import JSON

from weir.store.schema import metadata

# `supplement` 0 is a period's first closing; later ones hold records that came after it.
closings = Table(
    "closings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("supplement", Integer, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("records_digest", Text, nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=False),
    Column("closed_by", Text, nullable=False),
    UniqueConstraint("period", "currency", "supplement"),
    CheckConstraint("since < until", name="since"),
    Index("ix_closings_since", "currency", "since"),
)

# The segments a closing counted, as runs of one stream.
closing_runs = Table(
    "closing_runs",
    metadata,
    Column("closing", Text, ForeignKey("closings.id"), nullable=False),
    Column("stream", Text, nullable=False),
    Column("first_segment", BigInteger, nullable=False),
    Column("last_segment", BigInteger, nullable=False),
    PrimaryKeyConstraint("closing", "stream", "first_segment"),
)

# `document` is JSON and not JSONB, so that it is kept as it was written.
statements = Table(
    "statements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("closing", Text, ForeignKey("closings.id"), nullable=False),
    Column("party", Text, ForeignKey("organisations.id"), nullable=False),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("supplement", Integer, nullable=False),
    Column("gross_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("closing", "party"),
    Index("ix_statements_party", "party", "closed_at"),
)
