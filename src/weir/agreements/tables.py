"""Tables of agreements and their acceptances."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

# `effective_from` is the proposed time; `effective_at` is the time it took effect, null until all
# needed parties have accepted; `ended_at` is the time it ended, or a proposal was declined.
agreements = Table(
    "agreements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("product", Text, ForeignKey("products.id"), nullable=False),
    Column("owner", Text, ForeignKey("organisations.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("shares", JSONB, nullable=False),
    Column("billable", Text, nullable=False),
    Column("rounding", Text, nullable=False),
    Column("needed", JSONB, nullable=False),
    Column("proposed_by", Text, ForeignKey("organisations.id"), nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("counters", Text, ForeignKey("agreements.id")),
    Column("effective_from", DateTime(timezone=True), nullable=False),
    Column("effective_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    UniqueConstraint("product", "version"),
    CheckConstraint("effective_at >= effective_from", name="effective_at"),
)

# `jws` is the signature under the agreement's terms by the key of `certificate` (PEM).
agreement_acceptances = Table(
    "agreement_acceptances",
    metadata,
    Column("agreement", Text, ForeignKey("agreements.id"), nullable=False),
    Column("organisation", Text, ForeignKey("organisations.id"), nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("certificate", Text, nullable=False),
    Column("jws", Text, nullable=False),
    PrimaryKeyConstraint("agreement", "organisation"),
)
