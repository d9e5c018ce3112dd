"""Products: drafts, publication and retirement, and the shelf that everybody reads."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, ConfirmedChange, Given, Name, Page, Prose, Shown, Text, next_of
from weir.api.writes import Writes
from weir.shelf import product_documents, products, subscriptions
from weir.shelf.owners import Owner
from weir.shelf.products import Product, Words
from weir.store.unit import UnitOfWork

router = new_router("products")

_WORDS = {field.name for field in fields(Words)}


class ProductGiven(Given):
    """A product's next version to draft; its first one if there is none."""

    slug: Name
    direction: Text
    title_en: Text
    title_zh: Text
    description: Prose = ""
    description_zh: Prose = ""
    suits_en: Prose = ""
    suits_zh: Prose = ""
    scenes: list[Name] = Field(default_factory=list)
    signed_messages: bool = False
    sandbox: bool = False
    capabilities: list[Name] = Field(default_factory=list)


class CapabilitiesGiven(Given):
    """The capabilities that replace the present ones of the draft."""

    capabilities: list[Name]


class ProductView(Shown):
    """One version of a product. `prefix` is its path at the gateway, `scope` its OAuth scope."""

    id: str
    owner: str
    owner_slug: str
    slug: str
    version: int
    prefix: str
    scope: str
    direction: Literal["go-out", "bring-in"]
    title_en: str
    title_zh: str
    description: str
    description_zh: str
    suits_en: str
    suits_zh: str
    scenes: list[str]
    signed_messages: bool
    sandbox: bool
    status: Literal["draft", "published", "retired"]
    drafted_at: datetime
    published_at: datetime | None
    retired_at: datetime | None


class ProductDetail(ProductView):
    """A product version with the capabilities it holds."""

    capabilities: list[str]


class ProductRetired(ConfirmedChange):
    """A product version that no gateway serves any more, and whose subscriptions have ended."""

    product: ProductView


@router.post(
    "/products",
    operation_id="draft_product",
    status_code=201,
    summary="Draft the next version of a product",
)
async def draft_product(given: ProductGiven, caller: CallerDep, writing: Writes) -> ProductDetail:
    async def work(unit: UnitOfWork) -> ProductDetail:
        drafted = await products.draft(
            unit,
            _owner(caller),
            slug=given.slug,
            direction=given.direction,
            title_en=given.title_en,
            title_zh=given.title_zh,
            words=Words(**given.model_dump(include=_WORDS)),
            signed_messages=given.signed_messages,
            sandbox=given.sandbox,
            capability_ids=given.capabilities,
        )
        return await _detail(unit.connection, drafted)

    return await writing.run(ProductDetail, work)


@router.put(
    "/products/{product}/capabilities",
    operation_id="set_product_capabilities",
    summary="Set the capabilities of a draft",
)
async def set_product_capabilities(
    product: Name, given: CapabilitiesGiven, caller: CallerDep, writing: Writes
) -> ProductDetail:
    async def work(unit: UnitOfWork) -> ProductDetail:
        found = await _own(unit, caller, product)
        changed = await products.set_capabilities(unit, found.id, given.capabilities)
        return await _detail(unit.connection, changed)

    return await writing.run(ProductDetail, work)


@router.post(
    "/products/{product}/publish",
    operation_id="publish_product",
    summary="Publish a draft on the shelf; it cannot be changed afterwards",
)
async def publish_product(product: Name, caller: CallerDep, writing: Writes) -> ProductDetail:
    async def work(unit: UnitOfWork) -> ProductDetail:
        found = await _own(unit, caller, product)
        published = await products.publish(unit, _owner(caller), found.id)
        return await _detail(unit.connection, published)

    return await writing.run(ProductDetail, work)


@router.post(
    "/products/{product}/retire",
    operation_id="retire_product",
    summary="Take a product version off the shelf and end its subscriptions",
)
async def retire_product(product: Name, caller: CallerDep, writing: Writes) -> ProductRetired:
    async def work(unit: UnitOfWork) -> ProductView:
        found = await _own(unit, caller, product)
        retired = await products.retire(unit, found.id)
        await subscriptions.end_all(unit, found.id)
        return ProductView.model_validate(retired)

    view, at = await writing.run_confirmed(ProductView, work)
    return ProductRetired(product=view, effective_at=at)


@router.get(
    "/products", operation_id="list_products", summary="List your products, drafts included"
)
async def list_products(
    caller: CallerDep, services: ServicesDep, after: After = ""
) -> Page[ProductView]:
    async with services.database.connect() as connection:
        found = await products.list_owned(connection, caller.organisation.id, after=after)
    items = [ProductView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get("/products/{product}", operation_id="get_product", summary="Get one product version")
async def get_product(product: Name, caller: CallerDep, services: ServicesDep) -> ProductDetail:
    async with services.database.connect() as connection:
        found = await get_visible(connection, caller, product)
        return await _detail(connection, found)


@router.get(
    "/products/{product}/openapi",
    operation_id="get_product_openapi",
    summary="Get a product's operations as an OpenAPI document, at the gateway's address",
    response_model=dict[str, Any],
)
async def get_product_openapi(
    product: Name, caller: CallerDep, services: ServicesDep, document: Name | None = None
) -> JSONResponse:
    async with services.database.connect() as connection:
        found = await get_visible(connection, caller, product)
        described = await product_documents.openapi_of(
            connection, found, services.api_origin, document
        )
    return JSONResponse(described)


def _owner(caller: Caller) -> Owner:
    """Return the caller as the shelf needs it."""
    organisation = caller.organisation
    return Owner(organisation.id, organisation.slug, organisation.kind, caller.in_sandbox)


async def get_visible(connection: AsyncConnection, caller: Caller, product_id: str) -> Product:
    """Return a product version. NOT_FOUND when it is neither published nor within reach."""
    found = await products.get(connection, product_id)
    if found.status != "published":
        caller.reach(found.owner)
    return found


async def _own(unit: UnitOfWork, caller: Caller, product_id: str) -> Product:
    found = await products.get(unit.connection, product_id)
    caller.reach(found.owner)
    return found


async def _detail(connection: AsyncConnection, product: Product) -> ProductDetail:
    held = await products.capabilities_of(connection, product.id)
    view = ProductView.model_validate(product)
    return ProductDetail(**view.model_dump(), capabilities=[each.id for each in held])
