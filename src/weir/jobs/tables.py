"""Tables of jobs and their finished steps."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from weir.store.schema import metadata

# `subject` is the thing a job is about, in the words of its kind, and `steps` are the names of all
# its steps, in order. `slot` is the worker slot that holds the job, `release` that worker's release
# of the platform; both are null until a worker claims the job. `failure` is a refusal's code.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("steps", ARRAY(Text), nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_as", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("slot", Integer),
    Column("release", Text),
    Column("failure", Text),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("cardinality(steps) > 0", name="steps"),
    CheckConstraint("status IN ('open', 'done', 'failed')", name="status"),
    CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended_at"),
    CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name="failure"),
    # One job of a kind about a subject at a time.
    Index(
        "uq_jobs_open",
        "kind",
        "subject",
        unique=True,
        postgresql_where=text("status = 'open'"),
    ),
    Index("ix_jobs_kind_id", "kind", "id"),
)

# A row and the results of its step are committed together, so neither exists without the other.
job_steps = Table(
    "job_steps",
    metadata,
    Column("job", Text, ForeignKey("jobs.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("done_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("job", "step"),
)
