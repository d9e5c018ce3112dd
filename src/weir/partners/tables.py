"""Tables of parties, and of their names, applications, certificates and registrations."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from weir.store.schema import metadata

organisations = Table(
    "organisations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("partner_class", Text),
    Column("licence_kind", Text),
    Column("institution_code", Text),
    Column("directory_url", Text),
    Column("status", Text, nullable=False),
    # An organisation that signed up itself begins with `sandbox`.
    Column("stage", Text, nullable=False, server_default="production"),
    Column("admitted_at", DateTime(timezone=True), nullable=False),
    Column("admitted_by", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("slug"),
    UniqueConstraint("institution_code"),
    CheckConstraint("kind IN ('operator', 'member', 'partner')", name="kind"),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
    CheckConstraint("stage IN ('sandbox', 'production')", name="stage"),
    CheckConstraint("(kind = 'partner') = (partner_class IS NOT NULL)", name="partner_class"),
    CheckConstraint("(kind = 'member') = (licence_kind IS NOT NULL)", name="licence_kind"),
    CheckConstraint("kind = 'member' OR directory_url IS NULL", name="directory_url"),
    # One alliance has one operator, even when two foundings race.
    Index(
        "uq_organisations_operator",
        "kind",
        unique=True,
        postgresql_where=text("kind = 'operator'"),
    ),
)

applications = Table(
    "applications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organisation", Text, ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_endpoint_auth_method", Text, nullable=False),
    Column("jwks", JSONB, nullable=False),
    Column("jwks_uri", Text),
    Column("redirect_uris", JSONB, nullable=False),
    Column("require_signed_request_object", Boolean, nullable=False, server_default=false()),
    Column("roles", JSONB, nullable=False),
    # The person who registered it or took it over; null until one of its organisation has.
    Column("registrant", Text),
    # The role of a person in which it acts in the management API; null without the role `manage`.
    Column("management_role", Text),
    Column("revoked_keys", JSONB, nullable=False, server_default="[]"),  # RFC 7638 thumbprints
    Column("rehearses", Boolean, nullable=False, server_default=false()),
    # The mode in which it may ask customers on their own device (CIBA): null, poll or ping.
    Column("backchannel_token_delivery_mode", Text),
    Column("backchannel_client_notification_endpoint", Text),
    # What it registered about itself (`weir.partners.constraints`); empty constrains nothing.
    Column("constraints", JSONB, nullable=False, server_default="{}"),
    Column("status", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Index("ix_applications_organisation", "organisation"),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
    CheckConstraint(
        "management_role IN ('owner', 'developer', 'finance', 'auditor')", name="management_role"
    ),
    CheckConstraint("(management_role IS NOT NULL) = (roles ? 'manage')", name="manage"),
    CheckConstraint(
        "token_endpoint_auth_method IN ('tls_client_auth', 'private_key_jwt')", name="auth_method"
    ),
)

# Names that are taken, in the form that all look-alikes share (`weir.kernel.look_alikes`). An
# `admitted` one is reserved; one of the sandbox gives way.
names = Table(
    "names",
    metadata,
    Column("form", Text, primary_key=True),
    Column("organisation", Text, ForeignKey("organisations.id"), nullable=False),
    Column("admitted", Boolean, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False),
    Index("ix_names_organisation", "organisation"),
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", Text, primary_key=True),
    Column("application", Text, ForeignKey("applications.id"), nullable=False),
    Column("sha256", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("pem", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("not_after", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    UniqueConstraint("sha256"),
    UniqueConstraint("serial"),
    Index("ix_certificates_application", "application"),
)

trust_anchors = Table(
    "trust_anchors",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("jwks", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("status IN ('active', 'ended')", name="status"),
)

registrations = Table(
    "registrations",
    metadata,
    Column("application", Text, ForeignKey("applications.id"), primary_key=True),
    Column("issuer", Text, ForeignKey("trust_anchors.issuer"), nullable=False),
    Column("software_id", Text, nullable=False),
    Column("software_version", Text),
    Column("statement", Text, nullable=False),
    Column("token_sha256", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

# Used software statements, kept until they expire: each works once (RFC 7591 section 5).
used_statements = Table(
    "used_statements",
    metadata,
    Column("issuer", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("issuer", "jti"),
    Index("ix_used_statements_expires_at", "expires_at"),
)

founding_links = Table(
    "founding_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("offered_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    UniqueConstraint("secret_sha256"),
)
