"""Table of closing jobs: the period, the settling and the results of each."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, LargeBinary, Table, Text

from weir.store.schema import metadata

# A closing job is a job of the room `jobs` about a currency. `draft` is the rated period, from the
# first step until its debts are written.
closing_jobs = Table(
    "closing_jobs",
    metadata,
    Column("id", Text, ForeignKey("jobs.id"), primary_key=True),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("settle", Boolean, nullable=False),
    Column("draft", LargeBinary),
    Column("closing", Text, ForeignKey("closings.id")),
    Column("is_new", Boolean),
    Column("round", Text, ForeignKey("netting_rounds.id")),
)
