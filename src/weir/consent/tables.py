"""The table of consents; the audit chain has the digest of a row after each change."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

consents = Table(
    "consents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("customer", Text, ForeignKey("customers.id")),
    Column("purpose", Text, nullable=False),
    Column("requested", JSONB, nullable=False),
    Column("granted", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("reason", Text),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("replaces", Text, ForeignKey("consents.id")),
    # The name of the consent in call records, and the only link between the two. It is in no
    # digest, so that no link remains once it is erased.
    Column("record_name", Text, unique=True),
    Index("ix_consents_customer", "customer"),
    Index("ix_consents_member", "member", "id"),
    Index("ix_consents_application", "application", "id"),
    Index("ix_consents_state_expires_at", "state", "expires_at"),
    # Unused consents to payments are queried every second, among all consents.
    Index(
        "ix_consents_unused_payments",
        "id",
        postgresql_where=text("state = 'granted' AND type = 'urn:weir:payment-initiation:v1'"),
    ),
)
