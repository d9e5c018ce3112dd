"""Agreements, the ledger with its guards, closings and statements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON, JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _agreements()
    _ledger()
    _guards()
    _closings()
    _statements()


def _agreements() -> None:
    op.create_table(
        "agreements",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("shares", JSONB, nullable=False),
        sa.Column("needed", JSONB, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_agreements"),
        sa.ForeignKeyConstraint(
            ["product"], ["products.id"], name="fk_agreements_product_products"
        ),
        sa.ForeignKeyConstraint(
            ["owner"], ["organisations.id"], name="fk_agreements_owner_organisations"
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["organisations.id"], name="fk_agreements_proposed_by_organisations"
        ),
        sa.UniqueConstraint("product", "version", name="uq_agreements_product_version"),
        sa.CheckConstraint("effective_at >= effective_from", name="ck_agreements_effective_at"),
    )
    op.create_table(
        "agreement_acceptances",
        sa.Column("agreement", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agreement", "organisation", name="pk_agreement_acceptances"),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.id"], name="fk_agreement_acceptances_agreement_agreements"
        ),
        sa.ForeignKeyConstraint(
            ["organisation"],
            ["organisations.id"],
            name="fk_agreement_acceptances_organisation_organisations",
        ),
    )


def _ledger() -> None:
    op.create_table(
        "postings",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("reverses", sa.Text),
        sa.Column("actor_organisation", sa.Text, nullable=False),
        sa.Column("actor_subject", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_postings"),
        sa.ForeignKeyConstraint(
            ["reverses"], ["postings.id"], name="fk_postings_reverses_postings"
        ),
        sa.UniqueConstraint("reference", name="uq_postings_reference"),
        sa.UniqueConstraint("reverses", name="uq_postings_reverses"),
    )
    op.create_table(
        "entries",
        sa.Column("posting", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("posting", "line", name="pk_entries"),
        sa.ForeignKeyConstraint(["posting"], ["postings.id"], name="fk_entries_posting_postings"),
        sa.CheckConstraint("amount_minor <> 0", name="ck_entries_amount_minor"),
    )
    op.create_index("ix_entries_account", "entries", ["account", "currency"])


def _guards() -> None:
    """Guard the books against our own mistakes: balanced at the commit, and never changed."""
    op.execute("""
        CREATE FUNCTION posting_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            checked text := CASE TG_TABLE_NAME WHEN 'postings' THEN to_jsonb(NEW) ->> 'id'
                                               ELSE to_jsonb(NEW) ->> 'posting' END;
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM entries WHERE posting = checked)
               OR EXISTS (SELECT 1 FROM entries WHERE posting = checked
                           GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
                RAISE EXCEPTION 'posting % is not balanced', checked USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$
    """)
    for table in ("postings", "entries"):
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER {table}_balance AFTER INSERT ON {table}
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION posting_must_balance()
        """)
    op.execute("""
        CREATE FUNCTION books_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the books are append-only' USING ERRCODE = '23514';
        END $$
    """)
    for table in ("postings", "entries"):
        op.execute(f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION books_are_append_only()
        """)


def _closings() -> None:
    op.create_table(
        "closings",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("supplement", sa.Integer, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("records_digest", sa.Text, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_closings"),
        sa.UniqueConstraint(
            "period", "currency", "supplement", name="uq_closings_period_currency_supplement"
        ),
        sa.CheckConstraint("since < until", name="ck_closings_since"),
    )
    op.create_index("ix_closings_since", "closings", ["currency", "since"])
    op.create_table(
        "closing_runs",
        sa.Column("closing", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("first_segment", sa.BigInteger, nullable=False),
        sa.Column("last_segment", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("closing", "stream", "first_segment", name="pk_closing_runs"),
        sa.ForeignKeyConstraint(
            ["closing"], ["closings.id"], name="fk_closing_runs_closing_closings"
        ),
    )


def _statements() -> None:
    op.create_table(
        "statements",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("closing", sa.Text, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("supplement", sa.Integer, nullable=False),
        sa.Column("gross_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_statements"),
        sa.ForeignKeyConstraint(
            ["closing"], ["closings.id"], name="fk_statements_closing_closings"
        ),
        sa.ForeignKeyConstraint(
            ["party"], ["organisations.id"], name="fk_statements_party_organisations"
        ),
        sa.UniqueConstraint("closing", "party", name="uq_statements_closing_party"),
    )
    op.create_index("ix_statements_party", "statements", ["party", "closed_at"])
