"""Test customers: customers of the model world, with whom developers try consents.

A test customer is a customer of the member like any other, with a sign-in of its own. `tried_by` is
the organisation whose developers use it. When two organisations try the same person of the model
world, each has its own customer, consents and sign-in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "test_customers",
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("customer_ref", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member", "customer_ref", name="pk_test_customers"),
    )
    op.add_column("customers", sa.Column("tried_by", sa.Text))
    op.drop_constraint("uq_customers_member_customer_ref", "customers")
    op.execute("""
        CREATE UNIQUE INDEX uq_customers_member_customer_ref
            ON customers (member, customer_ref) WHERE tried_by IS NULL
    """)
    op.execute("""
        CREATE UNIQUE INDEX uq_customers_tried_by
            ON customers (member, customer_ref, tried_by) WHERE tried_by IS NOT NULL
    """)
