"""Grants: the code and the refresh token of each consent, both kept only as digests.

A grant is named by its first consent (`grant_id`). Each change of it is a consent with a row of its
own here; `current`, the same in all rows of a grant, is the consent that its tokens stand on now.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

grants = Table(
    "grants",
    metadata,
    Column("consent", Text, ForeignKey("consents.id"), primary_key=True),
    Column("grant_id", Text, nullable=False),
    Column("current", Text, ForeignKey("consents.id"), nullable=False),
    Column("client", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("scope", Text, nullable=False),
    # A grant that began on the customer's own device (CIBA) has no code.
    Column("redirect_uri", Text),
    Column("code_challenge", Text),
    Column("certificate", Text),
    Column("dpop_jkt", Text),
    Column("code_sha256", Text, unique=True),
    Column("code_expires_at", DateTime(timezone=True)),
    Column("code_used_at", DateTime(timezone=True)),
    # Settled with the code, and worth nothing before the code is used. An index leads to it: were
    # it written by the exchange, that would write every index of the table anew.
    Column("refresh_sha256", Text, unique=True),
    Column("refresh_salt", Text),
    Column("authentication", JSONB),
    Index("ix_grants_grant_id", "grant_id"),
    # Room for the version that the exchange writes to stand on the page of the one it follows.
    postgresql_with={"fillfactor": "80"},
)

# A question to a customer on the customer's own device (CIBA Core 1.0). `consent` is the identifier
# of the consent it asks for; `customer` is empty when the hint fits no customer.
backchannel_requests = Table(
    "backchannel_requests",
    metadata,
    Column("consent", Text, primary_key=True),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("client", Text, ForeignKey("applications.id"), nullable=False),
    Column("partner", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("customer", Text, ForeignKey("customers.id")),
    Column("hint_sha256", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("member_slug", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("details_end_at", DateTime(timezone=True)),
    Column("binding_message", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("interval_s", Integer, nullable=False),
    Column("polled_at", DateTime(timezone=True)),
    Column("sealed_refresh", LargeBinary),
    Column("sealed_ping", LargeBinary),
    Column("ping_at", DateTime(timezone=True)),
    Column("pings", Integer, nullable=False, server_default="0"),
    CheckConstraint("state IN ('awaiting', 'granted', 'denied')", name="state"),
    Index("ix_backchannel_requests_client_asked_at", "client", "asked_at"),
    Index("ix_backchannel_requests_customer", "customer"),
    Index("ix_backchannel_requests_expires_at", "expires_at"),
    Index(
        "ix_backchannel_requests_ping_at",
        "ping_at",
        postgresql_where=text("ping_at IS NOT NULL"),
    ),
)
