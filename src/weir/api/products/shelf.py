"""The shelf: every product on it, and the search that the portal's page shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from weir.api.guard import ServicesDep, new_router
from weir.api.models import After, Page, Shown, next_of
from weir.api.products.products import ProductView
from weir.shelf import products
from weir.shelf.declares import SEARCH_CHARACTERS, SEARCH_CHOICES, SEARCH_PAGES
from weir.shelf.search.finder import Hit, find, read_query

router = new_router("products")

Choices = Annotated[list[str], Query(max_length=SEARCH_CHOICES)]


class OperationFound(Shown):
    """An operation that matches the search."""

    capability: str
    operation_id: str
    method: str
    path: str
    summary: str
    summary_zh: str | None


class ProductFound(Shown):
    """A product that matches the search; the best one is first. `grade` is the worst data grade of
    its fields, null when no field has one. `prices` are the kinds of price its plans have: free,
    per-call, monthly, share.
    """

    product: ProductView
    grade: int | None
    prices: list[str]
    operations: list[OperationFound]
    operations_found: int


class SearchFound(Shown):
    """One page of results. `facets` counts the products for each choice of each facet."""

    total: int
    items: list[ProductFound]
    facets: dict[str, dict[str, int]] = Field(
        description="By facet: direction, kind, owner, grade, price, scene."
    )


@router.get("/shelf", operation_id="list_shelf", summary="List all products on the shelf")
async def list_shelf(
    services: ServicesDep,
    direction: Literal["go-out", "bring-in"] | None = None,
    after: After = "",
) -> Page[ProductView]:
    async with services.database.connect() as connection:
        found = await products.list_shelf(connection, direction=direction, after=after)
    items = [ProductView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/shelf/search",
    operation_id="search_shelf",
    summary="Search the shelf by words, in English or Chinese",
)
async def search_shelf(
    services: ServicesDep,
    q: Annotated[str, Query(max_length=SEARCH_CHARACTERS)] = "",
    direction: Literal["go-out", "bring-in"] | None = None,
    kind: Choices = [],  # noqa: B006 # FastAPI copies defaults
    owner: Choices = [],  # noqa: B006
    grade: Choices = [],  # noqa: B006
    price: Choices = [],  # noqa: B006
    scene: Choices = [],  # noqa: B006
    page: Annotated[int, Query(ge=1, le=SEARCH_PAGES)] = 1,
) -> SearchFound:
    wanted = read_query(
        words=q,
        direction=direction,
        kinds=kind,
        owners=owner,
        grades=grade,
        prices=price,
        scenes=scene,
        page=page,
    )
    async with services.database.connect() as connection:
        found = await find(connection, wanted)
        held = await products.get_many(connection, [hit.product for hit in found.hits])
    items = [_shown(hit, ProductView.model_validate(held[hit.product])) for hit in found.hits]
    return SearchFound(total=found.total, items=items, facets=found.facets)


def _shown(hit: Hit, product: ProductView) -> ProductFound:
    return ProductFound(
        product=product,
        grade=hit.grade,
        prices=list(hit.prices),
        operations=[OperationFound.model_validate(each) for each in hit.operations],
        operations_found=hit.operations_found,
    )
