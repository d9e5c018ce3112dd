"""Tables of metering: budgets, intents, period sums, segments, seals, roots and lake files."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from weir.store.schema import metadata

# `span` is the window's name; `leased` is the grant of the last lease; `granted` is the sum of all
# calls leased and not given back, and never passes the cap they were leased under.
budgets = Table(
    "budgets",
    metadata,
    Column("subscription", Text, nullable=False),
    Column("span", Text, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("leased", BigInteger, nullable=False),
    Column("cap", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("subscription", "span"),
    CheckConstraint("granted >= 0", name="granted"),
    Index("ix_budgets_updated_at", "updated_at"),
)

intents = Table(
    "intents",
    metadata,
    Column("consent_id", Text, nullable=False),
    # The payment's name in its consent: its key, or '' where a consent is for one payment.
    Column("occurrence", Text, nullable=False, server_default=""),
    # The name in the call's record; this and `interaction_id` are null once erased.
    Column("record_name", Text),
    Column("client_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("request_sha256", Text, nullable=False),
    Column("capability", Text, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("interaction_id", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Integer),
    Column("at", DateTime(timezone=True), nullable=False),
    # Of a recurring payment: the period sums its amount is in, and the number of requests sent.
    Column("periods", ARRAY(Text)),
    Column("attempts", Integer, nullable=False, server_default="1"),
    PrimaryKeyConstraint("consent_id", "occurrence"),
    UniqueConstraint("client_id", "idempotency_key"),
    CheckConstraint("state IN ('forwarded', 'answered', 'reconciled')", name="state"),
    # Reconciliation looks only at what is still open.
    Index("ix_intents_forwarded", "at", postgresql_where=text("state = 'forwarded'")),
)

# Sums of recurring payments: `spent_minor` is claimed with the intent of each.
period_sums = Table(
    "period_sums",
    metadata,
    Column("consent_id", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("spent_minor", BigInteger, nullable=False),
    Column("limit_minor", BigInteger, nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("consent_id", "period"),
    CheckConstraint("spent_minor BETWEEN 0 AND limit_minor", name="spent"),
    Index("ix_period_sums_ends_at", "ends_at"),
)

# One row a segment in the lake: a segment is ingested if and only if its row is here.
segments = Table(
    "segments",
    metadata,
    Column("stream", Text, nullable=False),
    Column("segment", BigInteger, nullable=False),
    Column("first_number", BigInteger, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("previous_sha256", Text, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("files", JSONB, nullable=False),
    Column("ingested_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("seal", JSONB, nullable=False),
    Column("leaf", BigInteger, nullable=False),
    PrimaryKeyConstraint("stream", "segment"),
    Index("ix_segments_last_at", "last_at"),
    UniqueConstraint("leaf"),
)

# The tree over all seals, in the order of their ingest: the hash of every complete subtree of
# 2**level leaves. Nothing here is ever changed.
log_nodes = Table(
    "log_nodes",
    metadata,
    Column("level", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "position"),
)

# Signed roots over the first `size` seals; `day` where the root closes one.
roots = Table(
    "roots",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, unique=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("document", JSONB, nullable=False),
)

witnesses = Table(
    "witnesses",
    metadata,
    Column("size", BigInteger, ForeignKey("roots.size"), nullable=False),
    Column("organisation", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("size", "organisation"),
)

# Signed statements of expiry: one row for each hour, class and removal.
expiries = Table(
    "expiries",
    metadata,
    Column("hour", DateTime(timezone=True), nullable=False),
    Column("record_class", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("hour", "record_class", "at"),
    Index("ix_expiries_at", "at"),
)

# Every file of the lake that is to be read, and replaced files until no query can still be reading
# them. `hour` is where the file lies; `holds` names the classes of record that are in it.
lake_files = Table(
    "lake_files",
    metadata,
    Column("file", Text, primary_key=True),
    Column("hour", DateTime(timezone=True), nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("holds", Text, nullable=False),
    Column("replaced_at", DateTime(timezone=True)),
    CheckConstraint("holds IN ('all', 'transactions')", name="holds"),
    Index("ix_lake_files_hour", "hour"),
    Index(
        "ix_lake_files_replaced_at", "replaced_at", postgresql_where=text("replaced_at IS NOT NULL")
    ),
)
