"""People, customers, one-time links and the names partners know customers by."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, Table, Text, UniqueConstraint

from weir.store.schema import metadata

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("organisation", Text),
    Column("language", Text, nullable=False),
    Column("passphrase_hash", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# A customer is a member's: the same person at two members is two customers with one sign-in.
customers = Table(
    "customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("customer_ref", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("person", Text, ForeignKey("people.id")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("linked_at", DateTime(timezone=True)),
    UniqueConstraint("member", "customer_ref"),
    Index("ix_customers_person", "person"),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("claimed_at", DateTime(timezone=True)),
    Column("claimed_by", Text),
    Index("ix_one_time_links_subject", "subject"),
)

# The name a partner organisation knows a customer by (pairwise, OpenID Connect Core section 8.1):
# random, so that two partners cannot find out that they serve the same customer.
pairwise_subjects = Table(
    "pairwise_subjects",
    metadata,
    Column("customer", Text, ForeignKey("customers.id"), primary_key=True),
    Column("organisation", Text, primary_key=True),
    Column("subject", Text, nullable=False, unique=True),
)
