"""People, customers, one-time links, consents, grants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _people()
    _links()
    _consents()
    _grants()


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("passphrase_hash", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("name", name="uq_people_name"),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("customer_ref", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("linked_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_customers_person_people"),
        sa.UniqueConstraint("member", "customer_ref", name="uq_customers_member_customer_ref"),
    )
    op.create_index("ix_customers_person", "customers", ["person"])
    op.create_table(
        "pairwise_subjects",
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("customer", "organisation", name="pk_pairwise_subjects"),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.id"], name="fk_pairwise_subjects_customer_customers"
        ),
        sa.UniqueConstraint("subject", name="uq_pairwise_subjects_subject"),
    )


def _links() -> None:
    op.create_table(
        "one_time_links",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("claimed_at", _MOMENT),
        sa.Column("claimed_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_links"),
        sa.UniqueConstraint("secret_sha256", name="uq_one_time_links_secret_sha256"),
    )
    op.create_index("ix_one_time_links_subject", "one_time_links", ["subject"])


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("requested", JSONB, nullable=False),
        sa.Column("granted", JSONB),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("decided_at", _MOMENT),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("ended_by", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("acknowledged_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.id"], name="fk_consents_customer_customers"
        ),
    )
    op.create_index("ix_consents_customer", "consents", ["customer"])
    op.create_index("ix_consents_member", "consents", ["member", "id"])
    op.create_index("ix_consents_application", "consents", ["application", "id"])
    op.create_index("ix_consents_state_expires_at", "consents", ["state", "expires_at"])


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("code_challenge", sa.Text, nullable=False),
        sa.Column("certificate", sa.Text),
        sa.Column("code_sha256", sa.Text, nullable=False),
        sa.Column("code_expires_at", _MOMENT, nullable=False),
        sa.Column("code_used_at", _MOMENT),
        sa.Column("refresh_sha256", sa.Text),
        sa.PrimaryKeyConstraint("consent", name="pk_grants"),
        sa.ForeignKeyConstraint(["consent"], ["consents.id"], name="fk_grants_consent_consents"),
        sa.UniqueConstraint("code_sha256", name="uq_grants_code_sha256"),
        sa.UniqueConstraint("refresh_sha256", name="uq_grants_refresh_sha256"),
    )
