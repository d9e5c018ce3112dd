"""The audit chain and keys at rest."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, Table, Text
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

# The end of each organisation's chain; locked by whoever appends.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("seal", Text, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("public", JSONB, nullable=False),
    Column("sealed_private", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # Of signing keys (see care/signing_keys.py):
    Column("signs_from", DateTime(timezone=True)),
    Column("activated_at", DateTime(timezone=True)),
    Column("superseded_at", DateTime(timezone=True)),
    Column("retired_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)

algorithm_endings = Table(
    "algorithm_endings",
    metadata,
    Column("algorithm", Text, primary_key=True),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("announced_at", DateTime(timezone=True), nullable=False),
)
