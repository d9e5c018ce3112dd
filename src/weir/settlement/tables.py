"""Tables of closings, the runs of segments each counted, re-openings, and statements."""

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
from sqlalchemy.dialects.postgresql import JSON, JSONB

from weir.store.schema import metadata

# `supplement` 0 is a period's first closing; later ones hold records that came after it. A closing
# with a `reopening` no longer counts; the next one of its period has the next `version`.
closings = Table(
    "closings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("supplement", Integer, nullable=False),
    Column("reopening", Text, ForeignKey("reopenings.id")),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("records_digest", Text, nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=False),
    Column("closed_by", Text, nullable=False),
    UniqueConstraint("period", "currency", "version", "supplement"),
    CheckConstraint("since < until", name="since"),
    Index("ix_closings_since", "currency", "since"),
)

# Re-opened periods, with the reasons.
reopenings = Table(
    "reopenings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("closings", JSONB, nullable=False),
    Column("reversed_postings", Integer, nullable=False),
    Column("reopened_at", DateTime(timezone=True), nullable=False),
    Column("reopened_by", Text, nullable=False),
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

# `document` is JSON and not JSONB, which would not keep the text as it was written.
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
