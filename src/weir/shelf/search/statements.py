"""SQL of a search: three statements made of constants; typed words are only ever parameters.

:asked is a tsquery's text, empty for everything; :direction, :kinds, :owners, :grades, :prices and
:scenes are the choices of each facet, null where none was made.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from weir.shelf.declares import SEARCH_CHOICES, SEARCH_OPERATIONS, SEARCH_PAGE_ROWS

FACETS: Final = ("direction", "kind", "owner", "grade", "price", "scene")
_NARROWED: Final = {
    "direction": "(cast(:direction AS text) IS NULL OR direction = :direction)",
    "kind": "(cast(:kinds AS text[]) IS NULL OR kind = ANY(:kinds))",
    "owner": "(cast(:owners AS text[]) IS NULL OR owner = ANY(:owners))",
    "grade": "(cast(:grades AS text[]) IS NULL OR grade_name = ANY(:grades))",
    "price": "(cast(:prices AS text[]) IS NULL OR prices && cast(:prices AS text[]))",
    "scene": "(cast(:scenes AS text[]) IS NULL OR scenes && cast(:scenes AS text[]))",
}
_CHOICES: Final = {
    "direction": ("direction", ""),
    "kind": ("kind", ""),
    "owner": ("owner", ""),
    "grade": ("grade_name", ""),
    "price": ("choice", ", unnest(prices) AS choice"),
    "scene": ("choice", ", unnest(scenes) AS choice"),
}
# Without words every entry matches.
_MATCHING: Final = "(cast(:asked AS text) = '' OR terms @@ cast(:asked AS tsquery))"


def _except(facet: str | None) -> str:
    return " AND ".join(test for name, test in _NARROWED.items() if name != facet)


def _count(facet: str) -> str:
    """Return the SQL for the choices of a facet with the most products.

    Of the owners, who may be many, the chosen ones come first.
    """
    choice, beside = _CHOICES[facet]
    chosen = "coalesce(owner = ANY(cast(:owners AS text[])), false) DESC, "
    order = f"{chosen if facet == 'owner' else ''}3 DESC, 2"
    return (
        f"(SELECT '{facet}', {choice}, count(*) FROM hits{beside} "
        f"WHERE {_except(facet)} GROUP BY 2 ORDER BY {order} LIMIT {SEARCH_CHOICES})"
    )


_HITS: Final = f"""
WITH hits AS MATERIALIZED (
    SELECT product, owner, kind, direction, grade, prices, scenes, published_at,
           coalesce(grade::text, 'none') AS grade_name
    FROM shelf_entries WHERE {_MATCHING}
)
"""
COUNTS: Final = text(
    f"{_HITS} SELECT 'total' AS facet, '' AS choice, count(*) FROM hits WHERE {_except(None)} "
    + " ".join(f"UNION ALL {_count(facet)}" for facet in FACETS)
)
PAGE: Final = text(f"""
SELECT product, grade, prices, scenes FROM (
    SELECT *, coalesce(grade::text, 'none') AS grade_name FROM shelf_entries WHERE {_MATCHING}
) AS hits
WHERE {_except(None)}
ORDER BY CASE WHEN cast(:asked AS text) = '' THEN 0
         ELSE ts_rank(terms, cast(:asked AS tsquery)) END DESC, published_at DESC, product
LIMIT {SEARCH_PAGE_ROWS} OFFSET :behind
""")
OPERATIONS: Final = text(f"""
SELECT * FROM (
    SELECT held.product, capability.id AS capability, capability.operation_id, capability.method,
           capability.path, capability.summary,
           capability.definition #>> '{{source,x-summary-zh}}' AS summary_zh,
           count(*) OVER (PARTITION BY held.product) AS of_product,
           row_number() OVER (PARTITION BY held.product ORDER BY
               ts_rank(held.terms, cast(:asked AS tsquery)) DESC, capability.position) AS place
    FROM product_capabilities AS held JOIN capabilities AS capability
         ON capability.id = held.capability
    WHERE held.product = ANY(:products) AND held.terms @@ cast(:asked AS tsquery)
) AS ranked WHERE place <= {SEARCH_OPERATIONS} ORDER BY product, place
""")
