"""Tables of closing jobs and their finished steps."""

from __future__ import annotations

from sqlalchemy import (
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
    text,
)

from weir.store.schema import metadata

# `slot` is the worker slot that holds the job, `release` that worker's release of the platform;
# both are null until a worker claims the job. `draft` is the rated period, from the first step to
# the last.
closing_jobs = Table(
    "closing_jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("settle", Boolean, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("requested_by", Text, ForeignKey("organisations.id"), nullable=False),
    Column("requested_as", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("slot", Integer),
    Column("release", Text),
    Column("draft", LargeBinary),
    Column("closing", Text, ForeignKey("closings.id")),
    Column("is_new", Boolean),
    Column("round", Text, ForeignKey("netting_rounds.id")),
    Column("failure", Text),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('open', 'done', 'failed')", name="status"),
    CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended_at"),
    # One closing of a currency at a time.
    Index(
        "uq_closing_jobs_open",
        "currency",
        unique=True,
        postgresql_where=text("status = 'open'"),
    ),
)

# A row and the results of its step are committed together, so neither exists without the other.
closing_steps = Table(
    "closing_steps",
    metadata,
    Column("job", Text, ForeignKey("closing_jobs.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("done_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("job", "step"),
)
