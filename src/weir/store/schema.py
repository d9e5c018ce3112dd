"""The SQLAlchemy metadata of all rooms' tables, and the store's own tables.

Migrations are written by hand; a test compares this metadata with a migrated database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

change_sequence = Sequence("change_sequence", metadata=metadata)

# The change log, compacted: the newest state of each (kind, key). A null `document` means removed.
# Followers load all rows once, and then those with a higher sequence. A row expires at
# `expires_at`.
changes = Table(
    "changes",
    metadata,
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("document", JSONB(none_as_null=True)),
    Column("expires_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("kind", "key"),
    Index("ix_changes_sequence", "sequence", unique=True),
    Index("ix_changes_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
)

# Requests with an idempotency key, and their answers.
idempotency = Table(
    "idempotency",
    metadata,
    Column("organisation", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request_sha256", Text, nullable=False),
    Column("answer", JSONB),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("organisation", "key"),
)

# Live processes and how far each has applied the change log.
processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("applied_sequence", BigInteger, nullable=False),
    Column("lease_until", DateTime(timezone=True), nullable=False),
)
