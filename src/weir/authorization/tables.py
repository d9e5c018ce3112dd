"""Grants: the code and the refresh token of each consent, both kept only as digests.

A grant is named by its first consent (`grant_id`). Each change of it is a consent with a row of its
own here; `current`, the same in all rows of a grant, is the consent that its tokens stand on now.
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, Table, Text
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
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("certificate", Text),
    Column("dpop_jkt", Text),
    Column("code_sha256", Text, nullable=False, unique=True),
    Column("code_expires_at", DateTime(timezone=True), nullable=False),
    Column("code_used_at", DateTime(timezone=True)),
    Column("refresh_sha256", Text, unique=True),
    Column("authentication", JSONB),
    Index("ix_grants_grant_id", "grant_id"),
)
