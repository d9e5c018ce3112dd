"""Tables of keys at rest and of announced ends of algorithms."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("public", JSONB, nullable=False),
    Column("sealed_private", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # Of signing keys (see keys/signing_keys.py):
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
