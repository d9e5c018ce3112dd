"""Jobs of any kind: what all of them have leaves the tables of closings.

A job that is half done goes on where it was: its identifier, finished steps, slot and release stay.
"""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _jobs()
    _steps()
    _closings()


def _jobs() -> None:
    op.execute("""
        CREATE TABLE jobs (
            id text NOT NULL,
            kind text NOT NULL,
            subject text NOT NULL,
            steps text[] NOT NULL,
            requested_at timestamp with time zone NOT NULL,
            requested_by text NOT NULL,
            requested_as text NOT NULL,
            status text NOT NULL,
            slot integer,
            release text,
            failure text,
            ended_at timestamp with time zone,
            CONSTRAINT pk_jobs PRIMARY KEY (id),
            CONSTRAINT ck_jobs_steps CHECK (cardinality(steps) > 0),
            CONSTRAINT ck_jobs_status CHECK (status IN ('open', 'done', 'failed')),
            CONSTRAINT ck_jobs_ended_at CHECK ((status = 'open') = (ended_at IS NULL)),
            CONSTRAINT ck_jobs_failure CHECK ((status = 'failed') = (failure IS NOT NULL))
        )
    """)
    op.execute("""
        INSERT INTO jobs
        SELECT id, 'closing', currency,
               CASE WHEN settle
                    THEN ARRAY['rated', 'posted', 'stated', 'owed',
                               'netted', 'instructed', 'handed_over']
                    ELSE ARRAY['rated', 'posted', 'stated', 'owed']
               END,
               requested_at, requested_by, requested_as, status, slot, release, failure, ended_at
          FROM closing_jobs
    """)
    op.execute("CREATE UNIQUE INDEX uq_jobs_open ON jobs (kind, subject) WHERE status = 'open'")
    op.create_index("ix_jobs_kind_id", "jobs", ["kind", "id"])


def _steps() -> None:
    op.execute("ALTER TABLE closing_steps RENAME TO job_steps")
    op.execute("ALTER TABLE job_steps RENAME CONSTRAINT pk_closing_steps TO pk_job_steps")
    op.execute("ALTER TABLE job_steps DROP CONSTRAINT fk_closing_steps_job_closing_jobs")
    op.create_foreign_key("fk_job_steps_job_jobs", "job_steps", "jobs", ["job"], ["id"])


def _closings() -> None:
    """Keep with closings what only they have; a draft is dropped once its debts are written."""
    op.execute("""
        UPDATE closing_jobs SET draft = NULL
          FROM job_steps
         WHERE job_steps.job = closing_jobs.id AND job_steps.step = 'owed'
    """)
    op.drop_index("uq_closing_jobs_open", "closing_jobs")
    op.execute("""
        ALTER TABLE closing_jobs
            DROP COLUMN requested_at,
            DROP COLUMN requested_by,
            DROP COLUMN requested_as,
            DROP COLUMN status,
            DROP COLUMN slot,
            DROP COLUMN release,
            DROP COLUMN failure,
            DROP COLUMN ended_at
    """)
    op.create_foreign_key("fk_closing_jobs_id_jobs", "closing_jobs", "jobs", ["id"], ["id"])
