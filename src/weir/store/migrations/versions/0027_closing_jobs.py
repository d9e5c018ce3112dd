"""Closing as a durable job, and the books balanced statement by statement."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _jobs()
    _steps()
    _balance_by_statement()


def _jobs() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "closing_jobs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("settle", sa.Boolean, nullable=False),
        sa.Column("requested_at", time, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_as", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("slot", sa.Integer),
        sa.Column("release", sa.Text),
        sa.Column("draft", sa.LargeBinary),
        sa.Column("closing", sa.Text),
        sa.Column("is_new", sa.Boolean),
        sa.Column("round", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("ended_at", time),
        sa.PrimaryKeyConstraint("id", name="pk_closing_jobs"),
        sa.ForeignKeyConstraint(
            ["requested_by"],
            ["organisations.id"],
            name="fk_closing_jobs_requested_by_organisations",
        ),
        sa.ForeignKeyConstraint(
            ["closing"], ["closings.id"], name="fk_closing_jobs_closing_closings"
        ),
        sa.ForeignKeyConstraint(
            ["round"], ["netting_rounds.id"], name="fk_closing_jobs_round_netting_rounds"
        ),
        sa.CheckConstraint("status IN ('open', 'done', 'failed')", name="ck_closing_jobs_status"),
        sa.CheckConstraint(
            "(status = 'open') = (ended_at IS NULL)", name="ck_closing_jobs_ended_at"
        ),
    )
    op.create_index(
        "uq_closing_jobs_open",
        "closing_jobs",
        ["currency"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    # A draft is written once and read a few times, so compression costs more than it saves.
    op.execute("ALTER TABLE closing_jobs ALTER COLUMN draft SET STORAGE EXTERNAL")


def _steps() -> None:
    op.create_table(
        "closing_steps",
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", "step", name="pk_closing_steps"),
        sa.ForeignKeyConstraint(
            ["job"], ["closing_jobs.id"], name="fk_closing_steps_job_closing_jobs"
        ),
    )


def _balance_by_statement() -> None:
    """Check the balance of postings at each statement, since it writes all entries of a posting.

    The check at the commit ran two queries for each row, and a closing has ten thousand rows.
    """
    op.execute("DROP TRIGGER entries_balance ON entries")
    op.execute("""
        CREATE FUNCTION entries_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            found text;
        BEGIN
            SELECT posting INTO found
              FROM entries
             WHERE posting IN (SELECT posting FROM added)
             GROUP BY posting, currency
            HAVING sum(amount_minor) <> 0
             LIMIT 1;
            IF found IS NOT NULL THEN
                RAISE EXCEPTION 'posting % is not balanced', found USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER entries_balance AFTER INSERT ON entries
        REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION entries_must_balance()
    """)
    # The check for postings without entries still runs at the commit.
    op.execute("""
        CREATE OR REPLACE FUNCTION posting_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM entries WHERE posting = NEW.id) THEN
                RAISE EXCEPTION 'posting % is not balanced', NEW.id USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$
    """)
