"""Roles and second factors of people, invitations, and the sandbox stage of applications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)

# People who joined an organisation before there were roles could do everything.
_ROLES = "UPDATE people SET role = 'owner' WHERE kind <> 'customer'"
_LINKS = """
UPDATE one_time_links SET role = 'owner', invitee = '', created_by = organisation
WHERE purpose <> 'customer'
"""


def upgrade() -> None:
    _people()
    _factors()
    for name in ("role", "invitee", "created_by"):
        op.add_column("one_time_links", sa.Column(name, sa.Text))
    op.execute(_LINKS)
    op.add_column(
        "organisations", sa.Column("stage", sa.Text, nullable=False, server_default="production")
    )
    op.create_check_constraint(
        "ck_organisations_stage", "organisations", "stage IN ('sandbox', 'production')"
    )
    sandbox = sa.Column("sandbox", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("products", sandbox)


def _people() -> None:
    op.add_column("people", sa.Column("role", sa.Text))
    op.execute(_ROLES)
    status = sa.Column("status", sa.Text, nullable=False, server_default="active")
    op.add_column("people", status)
    since = sa.Column("sessions_since", _AT, nullable=False, server_default=sa.func.now())
    op.add_column("people", since)
    op.alter_column("people", "sessions_since", server_default=None)
    op.create_check_constraint("ck_people_status", "people", "status IN ('active', 'removed')")
    op.create_check_constraint("ck_people_role", "people", "(kind = 'customer') = (role IS NULL)")
    op.create_index("ix_people_organisation", "people", ["organisation"])


def _factors() -> None:
    op.create_table(
        "totp_secrets",
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("confirmed_at", _AT),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_totp_secrets"),
        _of_person("totp_secrets"),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("credential", sa.LargeBinary, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("used_at", _AT),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.UniqueConstraint("credential", name="uq_passkeys_credential"),
        _of_person("passkeys"),
    )
    op.create_index("ix_passkeys_person", "passkeys", ["person"])
    op.create_table(
        "recovery_codes",
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("code_sha256", sa.Text, nullable=False),
        sa.Column("used_at", _AT),
        sa.PrimaryKeyConstraint("person", "code_sha256", name="pk_recovery_codes"),
        _of_person("recovery_codes"),
    )


def _of_person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["person"], ["people.id"], name=f"fk_{table}_person_people")
