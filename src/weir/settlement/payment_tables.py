"""Tables of payment: accounts, rounds, messages, rates, obligations, disputes, credits."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

# The account a party is paid on and pays from. `scheme` says how it and its bank are identified.
settlement_accounts = Table(
    "settlement_accounts",
    metadata,
    Column("organisation", Text, ForeignKey("organisations.id"), primary_key=True),
    Column("scheme", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("bank", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("scheme IN ('iban', 'cnaps')", name="scheme"),
)

netting_rounds = Table(
    "netting_rounds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("currency", Text, nullable=False),
    Column("positions", JSONB, nullable=False),
    Column("without_payments", Integer, nullable=False),
    Column("without_minor", BigInteger, nullable=False),
    Column("moved_minor", BigInteger, nullable=False),
    Column("rates", JSONB, nullable=False, server_default="[]"),
    Column("settled_at", DateTime(timezone=True), nullable=False),
    Column("settled_by", Text, nullable=False),
)

payments = Table(
    "payments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("round", Text, ForeignKey("netting_rounds.id"), nullable=False),
    Column("debtor", Text, ForeignKey("organisations.id"), nullable=False),
    Column("creditor", Text, ForeignKey("organisations.id"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("received_at", DateTime(timezone=True)),
    Column("received_by", Text),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    CheckConstraint("status IN ('instructed', 'received')", name="status"),
    Index("ix_payments_round", "round"),
)

# Payment messages for banks, exactly as they were issued to their debtors.
payment_messages = Table(
    "payment_messages",
    metadata,
    Column("round", Text, ForeignKey("netting_rounds.id"), primary_key=True),
    Column("debtor", Text, ForeignKey("organisations.id"), primary_key=True),
    Column("message", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
)

# A trigger refuses changes of a rate: a newer one is recorded beside it.
exchange_rates = Table(
    "exchange_rates",
    metadata,
    Column("id", Text, primary_key=True),
    Column("base", Text, nullable=False),
    Column("quote", Text, nullable=False),
    Column("rate", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("observed_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("base <> quote", name="quote"),
    Index("ix_exchange_rates_base", "base", "quote", "observed_at"),
)

# A line of a closing makes one debt to each party that has a share in it. `line` counts from 1 in
# the operator's statement, which holds every line. A credit is a negative amount. A debt with a
# `rate` was converted at it: a mirror image with the same `rate` cancels it, and a debt in another
# currency replaces it.
obligations = Table(
    "obligations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("closing", Text, ForeignKey("closings.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("debtor", Text, ForeignKey("organisations.id"), nullable=False),
    Column("creditor", Text, ForeignKey("organisations.id"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("credit", Text, ForeignKey("credit_notes.id")),
    Column("round", Text, ForeignKey("netting_rounds.id")),
    Column("rate", Text, ForeignKey("exchange_rates.id")),
    CheckConstraint("amount_minor <> 0", name="amount_minor"),
    Index("ix_obligations_open", "currency", postgresql_where=text("round IS NULL")),
    Index("ix_obligations_line", "closing", "line"),
)

disputes = Table(
    "disputes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("closing", Text, ForeignKey("closings.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("opened_by", Text, ForeignKey("organisations.id"), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("resolution", Text),
    Column("resolved_at", DateTime(timezone=True)),
    Column("credit", Text, ForeignKey("credit_notes.id")),
    CheckConstraint("status IN ('open', 'upheld', 'rejected')", name="status"),
    CheckConstraint("(status = 'open') = (resolved_at IS NULL)", name="resolved_at"),
    # A line is held by one dispute at a time.
    Index(
        "uq_disputes_open",
        "closing",
        "line",
        unique=True,
        postgresql_where=text("status = 'open'"),
    ),
)

credit_notes = Table(
    "credit_notes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("closing", Text, ForeignKey("closings.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("granted_by", Text, ForeignKey("organisations.id"), nullable=False),
    Column("granted_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    Index("ix_credit_notes_line", "closing", "line"),
)
