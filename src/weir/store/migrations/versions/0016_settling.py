"""Settlement after a closing: obligations, credits, disputes, rounds, payments, accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _accounts()
    _rounds()
    _credits()
    _obligations()
    _disputes()


def _key(table: str, column: str, referred: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{referred}.id"], name=f"fk_{table}_{column}_{referred}"
    )


def _accounts() -> None:
    op.create_table(
        "settlement_accounts",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("scheme", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("bank", sa.Text, nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("organisation", name="pk_settlement_accounts"),
        _key("settlement_accounts", "organisation", "organisations"),
        sa.CheckConstraint("scheme IN ('iban', 'cnaps')", name="ck_settlement_accounts_scheme"),
    )


def _rounds() -> None:
    op.create_table(
        "netting_rounds",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("positions", JSONB, nullable=False),
        sa.Column("without_payments", sa.Integer, nullable=False),
        sa.Column("without_minor", sa.BigInteger, nullable=False),
        sa.Column("moved_minor", sa.BigInteger, nullable=False),
        sa.Column("settled_at", _AT, nullable=False),
        sa.Column("settled_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_netting_rounds"),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("round", sa.Text, nullable=False),
        sa.Column("debtor", sa.Text, nullable=False),
        sa.Column("creditor", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("received_at", _AT),
        sa.Column("received_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        _key("payments", "round", "netting_rounds"),
        _key("payments", "debtor", "organisations"),
        _key("payments", "creditor", "organisations"),
        sa.CheckConstraint("amount_minor > 0", name="ck_payments_amount_minor"),
        sa.CheckConstraint("status IN ('instructed', 'received')", name="ck_payments_status"),
    )
    op.create_index("ix_payments_round", "payments", ["round"])
    op.create_table(
        "payment_messages",
        sa.Column("round", sa.Text, nullable=False),
        sa.Column("debtor", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("issued_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("round", "debtor", name="pk_payment_messages"),
        _key("payment_messages", "round", "netting_rounds"),
        _key("payment_messages", "debtor", "organisations"),
    )


def _credits() -> None:
    op.create_table(
        "credit_notes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("closing", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("granted_by", sa.Text, nullable=False),
        sa.Column("granted_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_credit_notes"),
        _key("credit_notes", "closing", "closings"),
        _key("credit_notes", "granted_by", "organisations"),
        sa.CheckConstraint("amount_minor > 0", name="ck_credit_notes_amount_minor"),
    )
    op.create_index("ix_credit_notes_line", "credit_notes", ["closing", "line"])


def _obligations() -> None:
    op.create_table(
        "obligations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("closing", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("debtor", sa.Text, nullable=False),
        sa.Column("creditor", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("credit", sa.Text),
        sa.Column("round", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_obligations"),
        _key("obligations", "closing", "closings"),
        _key("obligations", "debtor", "organisations"),
        _key("obligations", "creditor", "organisations"),
        _key("obligations", "credit", "credit_notes"),
        _key("obligations", "round", "netting_rounds"),
        sa.CheckConstraint("amount_minor <> 0", name="ck_obligations_amount_minor"),
    )
    op.create_index(
        "ix_obligations_open",
        "obligations",
        ["currency"],
        postgresql_where=sa.text("round IS NULL"),
    )
    op.create_index("ix_obligations_line", "obligations", ["closing", "line"])


def _disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("closing", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("opened_at", _AT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("resolution", sa.Text),
        sa.Column("resolved_at", _AT),
        sa.Column("credit", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_disputes"),
        _key("disputes", "closing", "closings"),
        _key("disputes", "opened_by", "organisations"),
        _key("disputes", "credit", "credit_notes"),
        sa.CheckConstraint("status IN ('open', 'upheld', 'rejected')", name="ck_disputes_status"),
        sa.CheckConstraint(
            "(status = 'open') = (resolved_at IS NULL)", name="ck_disputes_resolved_at"
        ),
    )
    op.create_index(
        "uq_disputes_open",
        "disputes",
        ["closing", "line"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
