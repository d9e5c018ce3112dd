"""Consents: one row each, whose digest stands in the audit chain after every change."""

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
    # What call records name it by. Nothing else leads from one to the other, and no digest is taken
    # over it, so that nothing does once it is erased.
    Column("record_name", Text, unique=True),
    Index("ix_consents_customer", "customer"),
    Index("ix_consents_member", "member", "id"),
    Index("ix_consents_application", "application", "id"),
    Index("ix_consents_state_expires_at", "state", "expires_at"),
    # Payments that were not made yet are asked for every second, among all consents there are.
    Index(
        "ix_consents_unused_payments",
        "id",
        postgresql_where=text("state = 'granted' AND type = 'urn:weir:payment-initiation:v1'"),
    ),
)
