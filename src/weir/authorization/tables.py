"""Grants: the code and the refresh token of a consent, both kept only as digests."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

grants = Table(
    "grants",
    metadata,
    Column("consent", Text, ForeignKey("consents.id"), primary_key=True),
    Column("client", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("certificate", Text),
    Column("dpop_jkt", Text),
    Column("code_sha256", Text, nullable=False, unique=True),
    Column("code_expires_at", DateTime(timezone=True), nullable=False),
    Column("code_used_at", DateTime(timezone=True)),
    Column("refresh_sha256", Text, unique=True),
    Column("authentication", JSONB),
)
