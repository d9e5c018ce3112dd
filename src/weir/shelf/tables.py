"""Tables of the shelf: documents, capabilities, backends, products, plans and subscriptions.

Organisations and applications are named by their identifiers; the room that owns them is not
imported, the database holds the references.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from weir.store.schema import metadata

# `raw` are the owner's bytes, unchanged. `shared` is the document without its operations;
# JSON rather than JSONB, so that the members stay in the order they were written in.
documents = Table(
    "documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, ForeignKey("organisations.id"), nullable=False),
    Column("slug", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("document_version", Text, nullable=False),
    Column("openapi", Text, nullable=False),
    Column("backend_url", Text, nullable=False),
    Column("base_path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("shared", JSON, nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
    Column("imported_by", Text, nullable=False),
    UniqueConstraint("owner", "slug", "version"),
)

capabilities = Table(
    "capabilities",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document", Text, ForeignKey("documents.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("owner", Text, ForeignKey("organisations.id"), nullable=False),
    Column("operation_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("consent_type", Text),
    Column("permission", Text),
    Column("moves_money", Boolean, nullable=False),
    Column("bindings", JSONB(none_as_null=True)),
    Column("declared_at", DateTime(timezone=True)),
    UniqueConstraint("document", "operation_id"),
    UniqueConstraint("document", "position"),
    CheckConstraint("state IN ('draft', 'published')", name="state"),
    CheckConstraint("NOT moves_money OR consent_type IS NOT NULL", name="money_needs_consent"),
)

backends = Table(
    "backends",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, ForeignKey("organisations.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("endpoints", JSONB, nullable=False),
    Column("authority", Text),
    Column("health_path", Text),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("signs_each_call", Boolean, nullable=False, server_default=false()),
    # Of the last test since the change, and the codes of what it found (`shelf/backends.py`).
    Column("tested_at", DateTime(timezone=True)),
    Column("findings", JSONB(none_as_null=True)),
    UniqueConstraint("owner", "url"),
    CheckConstraint("(tested_at IS NULL) = (findings IS NULL)", name="tested"),
)

products = Table(
    "products",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, ForeignKey("organisations.id"), nullable=False),
    Column("owner_slug", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("direction", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("description_zh", Text, nullable=False, server_default=""),
    Column("suits_en", Text, nullable=False, server_default=""),
    Column("suits_zh", Text, nullable=False, server_default=""),
    Column("scenes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("signed_messages", Boolean, nullable=False, server_default=false()),
    Column("sandbox", Boolean, nullable=False, server_default=false()),
    Column("status", Text, nullable=False),
    Column("drafted_at", DateTime(timezone=True), nullable=False),
    Column("published_at", DateTime(timezone=True)),
    Column("retired_at", DateTime(timezone=True)),
    UniqueConstraint("owner", "slug", "version"),
    CheckConstraint("direction IN ('go-out', 'bring-in')", name="direction"),
    CheckConstraint("status IN ('draft', 'published', 'retired')", name="status"),
    Index("ix_products_status", "status", "id"),
)

product_capabilities = Table(
    "product_capabilities",
    metadata,
    Column("product", Text, ForeignKey("products.id"), primary_key=True),
    Column("capability", Text, ForeignKey("capabilities.id"), primary_key=True),
    Column("terms", TSVECTOR),  # search terms of the operation, once the product is published
)

# The search index: the newest published version of each product, its terms made by
# `weir.shelf.search.terms`. `owner` is a slug and `kind` that owner's licence or class; `grade`
# is the worst data grade of its fields, null when no field has one; `prices` are the kinds of price
# its offered plans have.
shelf_entries = Table(
    "shelf_entries",
    metadata,
    Column("product", Text, ForeignKey("products.id"), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("terms", TSVECTOR, nullable=False),
    Column("grade", Integer),
    Column("prices", ARRAY(Text), nullable=False),
    Column("scenes", ARRAY(Text), nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Index("ix_shelf_entries_terms", "terms", postgresql_using="gin"),
    Index("ix_shelf_entries_published_at", "published_at", "product"),
)

# A rate or quota that is null is unlimited; 0 is none at all.
plans = Table(
    "plans",
    metadata,
    Column("id", Text, primary_key=True),
    Column("product", Text, ForeignKey("products.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("pricing", JSON, nullable=False),
    Column("rate_per_s", Integer),
    Column("quota", BigInteger),
    Column("quota_period", Text),
    Column("auto_approve", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("offered_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("product", "name"),
    CheckConstraint("rate_per_s >= 0", name="rate_per_s"),
    CheckConstraint("quota >= 0", name="quota"),
    CheckConstraint("(quota IS NULL) = (quota_period IS NULL)", name="quota_period"),
    CheckConstraint("status IN ('offered', 'withdrawn')", name="status"),
)

# Later versions of a plan's pricing; the first is the plan's own.
plan_changes = Table(
    "plan_changes",
    metadata,
    Column("plan", Text, ForeignKey("plans.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("pricing", JSON, nullable=False),
    Column("effective_from", DateTime(timezone=True), nullable=False),
    Column("announced_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("plan", "version"),
    CheckConstraint("version > 1", name="version"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("application", Text, ForeignKey("applications.id"), nullable=False),
    Column("subscriber", Text, ForeignKey("organisations.id"), nullable=False),
    Column("owner", Text, ForeignKey("organisations.id"), nullable=False),
    Column("product", Text, ForeignKey("products.id"), nullable=False),
    Column("plan", Text, ForeignKey("plans.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    # Monthly prices are charged from the first activation to the end, suspended or not.
    Column("activated_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('requested', 'active', 'suspended', 'ended')", name="status"),
    Index("ix_subscriptions_subscriber", "subscriber", "id"),
    Index("ix_subscriptions_owner", "owner", "id"),
    # An application has one living subscription to a product version.
    Index(
        "uq_subscriptions_living",
        "application",
        "product",
        unique=True,
        postgresql_where=text("status <> 'ended'"),
    ),
)
