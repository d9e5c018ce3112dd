"""Sessions of people at terminals (`weir sign-in`)."""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE terminal_sessions (
            id text NOT NULL,
            person text NOT NULL,
            token_sha256 text NOT NULL,
            machine text NOT NULL,
            network text NOT NULL,
            thumbprint text NOT NULL,
            opened_at timestamp with time zone NOT NULL,
            proven_at timestamp with time zone NOT NULL,
            ends_at timestamp with time zone NOT NULL,
            ended_at timestamp with time zone,
            CONSTRAINT pk_terminal_sessions PRIMARY KEY (id),
            CONSTRAINT uq_terminal_sessions_token_sha256 UNIQUE (token_sha256),
            CONSTRAINT fk_terminal_sessions_person_people
                FOREIGN KEY (person) REFERENCES people (id)
        )
    """)
    op.create_index("ix_terminal_sessions_person", "terminal_sessions", ["person"])
