"""Tables of audit entries and of the head of each organisation's chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_organisation", Text, nullable=False),
    Column("actor_subject", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("seal", Text, nullable=False),
    Index("ix_audit_entries_subject", "subject"),
)

# The newest entry of each organisation's chain; locked while entries are appended.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("seal", Text, nullable=False),
)
