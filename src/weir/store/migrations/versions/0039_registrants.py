"""The person in whose name an application acts, and the role in which it acts.

Every application that manages gets the person who registered it, also through others it
registered, as the audit trail has it; else the first owner of its organisation. It acts in that
person's role. Open invitations and renewals that applications made end.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("applications", sa.Column("registrant", sa.Text))
    op.add_column("applications", sa.Column("management_role", sa.Text))
    op.execute("""
        WITH RECURSIVE made AS (
            SELECT applications.id, applications.organisation, entries.actor_subject AS by
            FROM applications
            JOIN audit_entries AS entries
              ON entries.event = 'application.registered' AND entries.subject = applications.id
             AND entries.actor_organisation = applications.organisation
        ), lines AS (
            SELECT id, organisation, by FROM made
            UNION
            SELECT lines.id, lines.organisation, made.by FROM lines JOIN made ON made.id = lines.by
        )
        UPDATE applications SET registrant = people.id
        FROM lines JOIN people ON people.id = lines.by AND people.organisation = lines.organisation
        WHERE applications.id = lines.id
    """)
    op.execute("""
        UPDATE applications SET registrant = first.id
        FROM (
            SELECT organisation, min(id) AS id FROM people
            WHERE role = 'owner' AND status = 'active' GROUP BY organisation
        ) AS first
        WHERE applications.registrant IS NULL AND applications.roles ? 'manage'
          AND first.organisation = applications.organisation
    """)
    op.execute("""
        UPDATE applications SET management_role = coalesce(
            (SELECT role FROM people WHERE people.id = applications.registrant), 'owner'
        )
        WHERE roles ? 'manage'
    """)
    op.execute("""
        ALTER TABLE applications
            ADD CONSTRAINT ck_applications_management_role
                CHECK (management_role IN ('owner', 'developer', 'finance', 'auditor')),
            ADD CONSTRAINT ck_applications_manage
                CHECK ((management_role IS NOT NULL) = (roles ? 'manage'))
    """)
    op.execute("""
        UPDATE one_time_links SET expires_at = now()
        WHERE created_by LIKE 'app\\_%' AND purpose <> 'customer'
          AND claimed_at IS NULL AND expires_at > now()
    """)
