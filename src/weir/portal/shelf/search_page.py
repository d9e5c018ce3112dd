"""The search of the shelf: by words and facets, with the whole question in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from weir.kernel.declares import NOT_FOUND
from weir.kernel.inputs import digits
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.partners.classes import LICENCE_KINDS, PARTNER_CLASSES
from weir.partners.organisations import Organisation
from weir.portal.renderer import Portal, render
from weir.portal.visitor import Visitor
from weir.shelf import products
from weir.shelf.declares import SEARCH_CHARACTERS, SEARCH_CHOICES, SEARCH_PAGE_ROWS, SEARCH_PAGES
from weir.shelf.products import Product
from weir.shelf.scenes import SCENES
from weir.shelf.search.finder import (
    DIRECTIONS,
    GRADES,
    Hit,
    SearchPage,
    SearchQuery,
    find,
    read_query,
)
from weir.shelf.search.index import PRICES

_KINDS: Final = LICENCE_KINDS | PARTNER_CLASSES
_LISTED: Final[dict[str, Mapping[str, tuple[str, str]]]] = {
    "kind": _KINDS,
    "grade": GRADES,
    "price": PRICES,
    "scene": SCENES,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of a facet; `count` is the number of products it would leave."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """A found product with its owner, as the page shows it."""

    hit: Hit
    product: Product
    owner: Organisation


async def search(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show `/shelf`: every product, or the result of the address's question."""
    wanted = _wanted(request.query_params)
    async with portal.database.connect() as connection:
        found = await find(connection, wanted)
        held = await products.get_many(connection, [hit.product for hit in found.hits])
        owners = await organisations.get_many(connection, {each.owner for each in held.values()})
        named = await organisations.by_slugs(
            connection, found.facets["owner"].keys() | set(wanted.owners)
        )
    if wanted.page > 1 and not found.hits:
        raise Refusal(NOT_FOUND, "behind the last page")

    def shown(hit: Hit) -> ListedProduct:
        return ListedProduct(hit, held[hit.product], owners[held[hit.product].owner])

    language = 1 if visitor.language.startswith("zh") else 0
    slugs = {each.slug: (each.name_en, each.name_zh) for each in named}
    return render(
        request,
        visitor,
        "shelf/shelf.html",
        wanted=wanted,
        total=found.total,
        results=[shown(hit) for hit in found.hits],
        sides={name: [shown(hit) for hit in side] for name, side in found.sides.items()},
        without_direction=_without(request, "direction"),
        facets=_facets(wanted, found, slugs, language),
        directions=[
            Choice(name, words[language], found.facets["direction"].get(name, 0), False)
            for name, words in DIRECTIONS.items()
        ],
        labels=_labels(language),
        pages={} if found.sides else _pages(request, wanted, found.total),
        last_page=min(_last_page(found.total), SEARCH_PAGES),
        most_choices=SEARCH_CHOICES,
        narrowed=bool(wanted.owners or wanted.kinds or wanted.grades or wanted.prices)
        or bool(wanted.scenes or wanted.direction),
    )


def _wanted(asked: QueryParams) -> SearchQuery:
    page = asked.get("page", "1")
    return read_query(
        words=" ".join(asked.get("q", "").split())[:SEARCH_CHARACTERS],
        direction=asked.get("direction") or None,
        kinds=asked.getlist("kind"),
        owners=asked.getlist("owner"),
        grades=asked.getlist("grade"),
        prices=asked.getlist("price"),
        scenes=asked.getlist("scene"),
        page=digits(page, 4) or 1,
    )


def _facets(
    wanted: SearchQuery, found: SearchPage, slugs: Mapping[str, tuple[str, str]], language: int
) -> dict[str, list[Choice]]:
    chosen = {
        "kind": wanted.kinds,
        "owner": wanted.owners,
        "grade": wanted.grades,
        "price": wanted.prices,
        "scene": wanted.scenes,
    }
    return {
        facet: _choices(found.facets[facet], chosen[facet], _LISTED.get(facet, slugs), language)
        for facet in ("scene", "kind", "price", "grade", "owner")
    }


def _choices(
    counts: Mapping[str, int],
    chosen: Sequence[str],
    known: Mapping[str, tuple[str, str]],
    language: int,
) -> list[Choice]:
    """Return the choices that leave products and those already chosen, in the order of `known`."""
    return [
        Choice(value, words[language], counts.get(value, 0), value in chosen)
        for value, words in known.items()
        if counts.get(value) or value in chosen
    ]


def _labels(language: int) -> dict[str, str]:
    return {value: words[language] for value, words in (PRICES | GRADES | SCENES).items()}


def _without(request: Request, name: str) -> list[tuple[str, str]]:
    """Return the address's parameters without `name`, the page number and the language."""
    asked = request.query_params.multi_items()
    return [(key, value) for key, value in asked if key not in (name, "page", "lang") and value]


def _pages(request: Request, wanted: SearchQuery, total: int) -> dict[str, str]:
    """Return the addresses of the pages `before` and `behind` this one, where they exist."""
    kept = _without(request, "page")
    last = _last_page(total)
    beside = {"before": wanted.page - 1, "behind": wanted.page + 1}
    return {
        name: f"/shelf?{urlencode([*kept, ('page', page)])}"
        for name, page in beside.items()
        if 1 <= page <= min(last, SEARCH_PAGES)
    }


def _last_page(total: int) -> int:
    return -(-total // SEARCH_PAGE_ROWS)
