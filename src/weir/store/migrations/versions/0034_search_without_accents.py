"""Search of the shelf without accents; products indexed with accents are indexed anew.

Such products are removed from the index. The worker adds every published product that is not in the
index within a minute.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# Latin letters with accents (U+00C0 to U+024F, U+1E00 to U+1EFF), and combining accents.
_ACCENTED = "[\\u00C0-\\u024F\\u0300-\\u036F\\u1E00-\\u1EFF]"


def upgrade() -> None:
    forget = sa.text("""
        DELETE FROM shelf_entries WHERE product IN (
            SELECT product.id FROM products AS product
            JOIN organisations AS owner ON owner.id = product.owner
            WHERE concat_ws(' ', owner.name_en, owner.name_zh, product.title_en, product.title_zh,
                            product.description, product.description_zh, product.suits_en,
                            product.suits_zh) ~ :accented
            UNION
            SELECT held.product FROM product_capabilities AS held
            JOIN capabilities AS capability ON capability.id = held.capability
            WHERE capability.summary ~ :accented
               OR capability.definition #>> '{description}' ~ :accented
        )
    """)
    op.execute(forget.bindparams(accented=_ACCENTED))
