"""Search for products: by words, narrowed by facets, counted by facet.

A facet's own choice does not narrow its own counts, so that people see what else they could choose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.shelf.declares import (
    SEARCH_CHARACTERS,
    SEARCH_CHOICES,
    SEARCH_PAGE_ROWS,
    SEARCH_PAGES,
    SEARCH_SIDE_ROWS,
)
from weir.shelf.scenes import SCENES
from weir.shelf.search import terms
from weir.shelf.search.index import PRICES
from weir.shelf.search.statements import COUNTS, FACETS, OPERATIONS, PAGE

GRADES: Final[dict[str, tuple[str, str]]] = {
    "1": ("grade 1", "1 级"),
    "2": ("grade 2", "2 级"),
    "3": ("grade 3", "3 级"),
    "4": ("grade 4", "4 级"),
    "5": ("grade 5", "5 级"),
    "none": ("not graded", "未定级"),
}
_NAME: Final = re.compile(r"[a-z0-9_-]{1,48}", re.ASCII)
DIRECTIONS: Final[dict[str, tuple[str, str]]] = {
    "go-out": ("For partners", "走出去：供合作方使用"),
    "bring-in": ("For institutions", "引进来：供机构使用"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """A checked search. `owners` are slugs, `kinds` their licences or classes.

    An empty tuple narrows nothing. `page` counts from 1.
    """

    words: str = ""
    direction: str | None = None
    kinds: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOperation:
    """An operation of a hit that matches the words too."""

    product: str
    capability: str
    operation_id: str
    method: str
    path: str
    summary: str
    summary_zh: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A product that matches, with the first few of its operations that match."""

    product: str
    grade: int | None
    prices: Sequence[str]
    scenes: Sequence[str]
    operations: Sequence[FoundOperation] = ()
    operations_found: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """One page of hits. `facets` maps a facet's name to the number of hits of each choice.

    Where both directions have hits and none was chosen, the first page holds the best of each,
    beside each other: `sides` maps a direction to its share of `hits`.
    """

    total: int
    hits: Sequence[Hit]
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    sides: dict[str, Sequence[Hit]] = field(default_factory=dict)


def read_query(
    *,
    words: str = "",
    direction: str | None = None,
    kinds: Sequence[str] = (),
    owners: Sequence[str] = (),
    grades: Sequence[str] = (),
    prices: Sequence[str] = (),
    scenes: Sequence[str] = (),
    page: int = 1,
) -> SearchQuery:
    """Check a search. INVALID_INPUT names a value that is not in its list, or too long."""
    if len(words) > SEARCH_CHARACTERS:
        most = SEARCH_CHARACTERS
        raise inputs.wrong("/q", f"must be at most {most} characters", f"不得超过 {most} 个字符")
    if direction is not None:
        inputs.choice(direction, DIRECTIONS, "/direction")
    if not 1 <= page <= SEARCH_PAGES:
        raise inputs.wrong("/page", f"must be 1 to {SEARCH_PAGES}", "页码超出范围")
    return SearchQuery(
        words=words,
        direction=direction,
        kinds=_named(kinds, "/kind"),
        owners=_named(owners, "/owner"),
        grades=_chosen(grades, GRADES, "/grade"),
        prices=_chosen(prices, PRICES, "/price"),
        scenes=_chosen(scenes, SCENES, "/scene"),
        page=page,
    )


async def find(connection: AsyncConnection, wanted: SearchQuery) -> SearchPage:
    """Return the page that is wanted, best hits first, and the counts of every facet."""
    given = _given(wanted)
    counted = (await connection.execute(COUNTS, given)).all()
    facets: dict[str, dict[str, int]] = {name: {} for name in FACETS}
    total = 0
    for facet, choice, count in counted:
        if facet == "total":
            total = count
        else:
            facets[facet][choice] = count
    if wanted.direction is None and wanted.page == 1 and len(facets["direction"]) > 1:
        sides = {name: await _side(connection, given, name) for name in DIRECTIONS}
        hits = await _with_operations(connection, [*chain(*sides.values())], given["asked"])
        beside: dict[str, Sequence[Hit]] = {
            name: [hits[each.product] for each in side] for name, side in sides.items()
        }
        return SearchPage(total=total, hits=list(hits.values()), facets=facets, sides=beside)
    found = await _page(connection, given)
    hits = await _with_operations(connection, found, given["asked"])
    return SearchPage(total=total, hits=list(hits.values()), facets=facets)


async def in_scenes(
    connection: AsyncConnection, scenes: Sequence[str], direction: str, owner: str | None = None
) -> Sequence[Hit]:
    """Return products of one direction that suit one of these scenes, most shared scenes first.

    With a slug, only that owner's. They are taken from the shelf's first page, SEARCH_SIDE_ROWS at
    most.
    """
    wanted = SearchQuery(
        direction=direction, scenes=tuple(scenes), owners=(owner,) if owner is not None else ()
    )
    found = await _page(connection, _given(wanted))
    shared = {hit.product: len(set(hit.scenes) & set(scenes)) for hit in found}
    ranked = sorted(found, key=lambda hit: -shared[hit.product])
    return ranked[:SEARCH_SIDE_ROWS]


async def _side(connection: AsyncConnection, given: dict[str, Any], direction: str) -> list[Hit]:
    found = await _page(connection, given | {"direction": direction})
    return found[:SEARCH_SIDE_ROWS]


async def _page(connection: AsyncConnection, given: dict[str, Any]) -> list[Hit]:
    rows = await connection.execute(PAGE, given)
    return [
        Hit(product=row.product, grade=row.grade, prices=row.prices, scenes=row.scenes)
        for row in rows
    ]


async def _with_operations(
    connection: AsyncConnection, hits: Sequence[Hit], asked: str
) -> dict[str, Hit]:
    """Return the hits by product, in their order; with words, also operations that match."""
    by_product = {hit.product: hit for hit in hits}
    if not asked or not hits:
        return by_product
    found = await connection.execute(OPERATIONS, {"products": list(by_product), "asked": asked})
    operations: dict[str, list[FoundOperation]] = {}
    counts: dict[str, int] = {}
    for row in found:
        counts[row.product] = row.of_product
        operations.setdefault(row.product, []).append(
            FoundOperation(
                product=row.product,
                capability=row.capability,
                operation_id=row.operation_id,
                method=row.method,
                path=row.path,
                summary=row.summary,
                summary_zh=row.summary_zh,
            )
        )
    return {
        name: Hit(
            product=hit.product,
            grade=hit.grade,
            prices=hit.prices,
            scenes=hit.scenes,
            operations=operations.get(name, []),
            operations_found=counts.get(name, 0),
        )
        for name, hit in by_product.items()
    }


def _given(wanted: SearchQuery) -> dict[str, Any]:
    """Return the parameters of the statements."""
    return {
        "asked": terms.query(wanted.words),
        "direction": wanted.direction,
        "kinds": list(wanted.kinds) or None,
        "owners": list(wanted.owners) or None,
        "grades": list(wanted.grades) or None,
        "prices": list(wanted.prices) or None,
        "scenes": list(wanted.scenes) or None,
        "behind": (wanted.page - 1) * SEARCH_PAGE_ROWS,
    }


def _named(given: Sequence[str], at: str) -> tuple[str, ...]:
    """Check that names have the form of a slug or a kind; search tells if a product has them."""
    if not all(map(_NAME.fullmatch, given)):
        raise inputs.wrong(at, "must be a name as it stands in addresses", "须为地址中使用的名称")
    return tuple(dict.fromkeys(given))[:SEARCH_CHOICES]


def _chosen(given: Sequence[str], known: dict[str, tuple[str, str]], at: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(inputs.choice(each, known, at) for each in given))
