"""Tables of people, their factors, customers, one-time links and pairwise subjects."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    text,
)

from weir.store.schema import metadata

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("organisation", Text),
    Column("language", Text, nullable=False),
    Column("passphrase_hash", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # The role of staff in the organisation; null for customers.
    Column("role", Text),
    Column("status", Text, nullable=False, server_default="active"),
    # Sessions opened before then have ended.
    Column("sessions_since", DateTime(timezone=True), nullable=False),
    CheckConstraint("status IN ('active', 'removed')", name="status"),
    CheckConstraint("(kind = 'customer') = (role IS NULL)", name="role"),
    Index("ix_people_organisation", "organisation"),
)

# The shared secret of one-time passwords, encrypted; a factor once it is confirmed. `last_step` is
# the time step of the last used code, so that no code works twice (RFC 6238 section 5.2).
totp_secrets = Table(
    "totp_secrets",
    metadata,
    Column("person", Text, ForeignKey("people.id"), primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("last_step", BigInteger, nullable=False),
)

# Sessions of people at terminals, each bound to a key (RFC 7638 thumbprint). `proven_at` is the
# time of the proof of identity with which it was confirmed; `ended_at` is set if it ends early.
terminal_sessions = Table(
    "terminal_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, ForeignKey("people.id"), nullable=False),
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("machine", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("thumbprint", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("proven_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Index("ix_terminal_sessions_person", "person"),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, ForeignKey("people.id"), nullable=False),
    Column("credential", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Index("ix_passkeys_person", "person"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("person", Text, ForeignKey("people.id"), primary_key=True),
    Column("code_sha256", Text, primary_key=True),
    Column("used_at", DateTime(timezone=True)),
)

# Customers belong to a member: the same person at two members is two customers with one sign-in.
customers = Table(
    "customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("customer_ref", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("person", Text, ForeignKey("people.id")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("linked_at", DateTime(timezone=True)),
    # For test customers: the organisation whose developers use it.
    Column("tried_by", Text),
    Index("ix_customers_person", "person"),
    Index(
        "uq_customers_member_customer_ref",
        "member",
        "customer_ref",
        unique=True,
        postgresql_where=text("tried_by IS NULL"),
    ),
    Index(
        "uq_customers_tried_by",
        "member",
        "customer_ref",
        "tried_by",
        unique=True,
        postgresql_where=text("tried_by IS NOT NULL"),
    ),
)

# People with whom members let developers try consents; they are all from a model world.
test_customers = Table(
    "test_customers",
    metadata,
    Column("member", Text, primary_key=True),
    Column("customer_ref", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("offered_at", DateTime(timezone=True), nullable=False),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("claimed_at", DateTime(timezone=True)),
    Column("claimed_by", Text),
    # For invitations: the offered role, the inviter's name for the invited, and the inviter.
    Column("role", Text),
    Column("invitee", Text),
    Column("created_by", Text),
    Index("ix_one_time_links_subject", "subject"),
)

# Partners' names for customers (pairwise, OpenID Connect Core section 8.1): random, so that two
# partners cannot find out that they serve the same customer.
pairwise_subjects = Table(
    "pairwise_subjects",
    metadata,
    Column("customer", Text, ForeignKey("customers.id"), primary_key=True),
    Column("organisation", Text, primary_key=True),
    Column("subject", Text, nullable=False, unique=True),
)
