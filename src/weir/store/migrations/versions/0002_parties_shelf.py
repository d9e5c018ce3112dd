"""Parties (organisations, applications, certificates, founding links) and the shelf.

The shelf has documents, capabilities, products, plans and subscriptions.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _organisations()
    _applications()
    _certificates()
    _founding_links()
    _documents()
    _capabilities()
    _products()
    _plans()
    _subscriptions()


def _at(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{target}"
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _organisations() -> None:
    table = "organisations"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("name_zh", sa.Text, nullable=False),
        sa.Column("partner_class", sa.Text),
        sa.Column("licence_kind", sa.Text),
        sa.Column("institution_code", sa.Text),
        sa.Column("directory_url", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        _at("admitted_at"),
        sa.Column("admitted_by", sa.Text, nullable=False),
        _at("changed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
        sa.UniqueConstraint("slug", name="uq_organisations_slug"),
        sa.UniqueConstraint("institution_code", name="uq_organisations_institution_code"),
        _check(table, "kind", "kind IN ('operator', 'member', 'partner')"),
        _check(table, "status", "status IN ('active', 'suspended')"),
        _check(table, "partner_class", "(kind = 'partner') = (partner_class IS NOT NULL)"),
        _check(table, "licence_kind", "(kind = 'member') = (licence_kind IS NOT NULL)"),
        _check(table, "directory_url", "kind = 'member' OR directory_url IS NULL"),
    )
    op.create_index(
        "uq_organisations_operator",
        table,
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind = 'operator'"),
    )


def _applications() -> None:
    table = "applications"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_endpoint_auth_method", sa.Text, nullable=False),
        sa.Column("jwks", JSONB, nullable=False),
        sa.Column("redirect_uris", JSONB, nullable=False),
        sa.Column("roles", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        _at("registered_at"),
        _at("changed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
        _reference(table, "organisation", "organisations"),
        _check(table, "status", "status IN ('active', 'suspended')"),
        _check(
            table,
            "auth_method",
            "token_endpoint_auth_method IN ('tls_client_auth', 'private_key_jwt')",
        ),
    )
    op.create_index("ix_applications_organisation", table, ["organisation"])


def _certificates() -> None:
    table = "certificates"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("pem", sa.Text, nullable=False),
        _at("issued_at"),
        _at("not_after"),
        _at("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sa.UniqueConstraint("sha256", name="uq_certificates_sha256"),
        sa.UniqueConstraint("serial", name="uq_certificates_serial"),
        _reference(table, "application", "applications"),
    )
    op.create_index("ix_certificates_application", table, ["application"])


def _founding_links() -> None:
    op.create_table(
        "founding_links",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary, nullable=False),
        _at("offered_at"),
        _at("expires_at"),
        _at("used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_founding_links"),
        sa.UniqueConstraint("secret_sha256", name="uq_founding_links_secret_sha256"),
    )


def _documents() -> None:
    table = "documents"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("document_version", sa.Text, nullable=False),
        sa.Column("openapi", sa.Text, nullable=False),
        sa.Column("backend_url", sa.Text, nullable=False),
        sa.Column("base_path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("shared", sa.JSON, nullable=False),
        _at("imported_at"),
        sa.Column("imported_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("owner", "slug", "version", name="uq_documents_owner_slug_version"),
        _reference(table, "owner", "organisations"),
    )


def _capabilities() -> None:
    table = "capabilities"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("operation_id", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("consent_type", sa.Text),
        sa.Column("permission", sa.Text),
        sa.Column("moves_money", sa.Boolean, nullable=False),
        sa.Column("bindings", JSONB),
        _at("declared_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_capabilities"),
        sa.UniqueConstraint(
            "document", "operation_id", name="uq_capabilities_document_operation_id"
        ),
        sa.UniqueConstraint("document", "position", name="uq_capabilities_document_position"),
        _reference(table, "document", "documents"),
        _reference(table, "owner", "organisations"),
        _check(table, "state", "state IN ('draft', 'published')"),
        _check(table, "money_needs_consent", "NOT moves_money OR consent_type IS NOT NULL"),
    )


def _products() -> None:
    table = "products"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("owner_slug", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("title_en", sa.Text, nullable=False),
        sa.Column("title_zh", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        _at("drafted_at"),
        _at("published_at", nullable=True),
        _at("retired_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
        sa.UniqueConstraint("owner", "slug", "version", name="uq_products_owner_slug_version"),
        _reference(table, "owner", "organisations"),
        _check(table, "direction", "direction IN ('go-out', 'bring-in')"),
        _check(table, "status", "status IN ('draft', 'published', 'retired')"),
    )
    op.create_index("ix_products_status", table, ["status", "id"])
    op.create_table(
        "product_capabilities",
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("capability", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("product", "capability", name="pk_product_capabilities"),
        _reference("product_capabilities", "product", "products"),
        _reference("product_capabilities", "capability", "capabilities"),
    )


def _plans() -> None:
    table = "plans"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("price", sa.Numeric(20, 8), nullable=False),
        sa.Column("rate_per_s", sa.Integer),
        sa.Column("quota", sa.BigInteger),
        sa.Column("quota_period", sa.Text),
        sa.Column("auto_approve", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        _at("offered_at"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sa.UniqueConstraint("product", "name", name="uq_plans_product_name"),
        _reference(table, "product", "products"),
        _check(table, "price", "price >= 0"),
        _check(table, "rate_per_s", "rate_per_s >= 0"),
        _check(table, "quota", "quota >= 0"),
        _check(table, "quota_period", "(quota IS NULL) = (quota_period IS NULL)"),
        _check(table, "status", "status IN ('offered', 'withdrawn')"),
    )


def _subscriptions() -> None:
    table = "subscriptions"
    op.create_table(
        table,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("subscriber", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        _at("requested_at"),
        _at("changed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        _reference(table, "application", "applications"),
        _reference(table, "subscriber", "organisations"),
        _reference(table, "owner", "organisations"),
        _reference(table, "product", "products"),
        _reference(table, "plan", "plans"),
        _check(table, "status", "status IN ('requested', 'active', 'suspended', 'ended')"),
    )
    op.create_index("ix_subscriptions_subscriber", table, ["subscriber", "id"])
    op.create_index("ix_subscriptions_owner", table, ["owner", "id"])
    op.create_index(
        "uq_subscriptions_living",
        table,
        ["application", "product"],
        unique=True,
        postgresql_where=sa.text("status <> 'ended'"),
    )
