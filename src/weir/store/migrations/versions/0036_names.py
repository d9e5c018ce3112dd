"""Names: one party's, with all their look-alikes.

Parties and applications that are here keep their names; of two that look alike the older has it,
and one that was admitted before one of the sandbox.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from weir.kernel.look_alikes import folded

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_BORNE = text("""
    SELECT id, stage = 'production' AS admitted, admitted_at AS taken_at, name FROM organisations,
        unnest(ARRAY[name_en, name_zh, slug]) AS name
    UNION ALL
    SELECT o.id, o.stage = 'production', a.registered_at, a.name
        FROM applications a JOIN organisations o ON o.id = a.organisation
    ORDER BY admitted DESC, taken_at
""")
_TAKE = text("""
    INSERT INTO names (form, organisation, admitted, taken_at)
        VALUES (:form, :organisation, :admitted, :taken_at) ON CONFLICT DO NOTHING
""")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE names (
            form text NOT NULL,
            organisation text NOT NULL,
            admitted boolean NOT NULL,
            taken_at timestamp with time zone NOT NULL,
            CONSTRAINT pk_names PRIMARY KEY (form),
            CONSTRAINT fk_names_organisation_organisations
                FOREIGN KEY (organisation) REFERENCES organisations (id)
        )
    """)
    op.create_index("ix_names_organisation", "names", ["organisation"])
    connection = op.get_bind()
    for organisation, admitted, taken_at, name in connection.execute(_BORNE).all():
        taken = {"form": folded(name), "organisation": organisation}
        connection.execute(_TAKE, taken | {"admitted": admitted, "taken_at": taken_at})
