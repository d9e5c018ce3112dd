"""A product's page: its operations, scenes, prices, service level and versions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from weir.kernel.declares import NOT_FOUND, PAGE_ROWS
from weir.kernel.identifiers import is_slug
from weir.kernel.outcomes import Refusal
from weir.openapi.standard.lint import RULES
from weir.partners import organisations
from weir.partners.organisations import Organisation
from weir.portal import service_levels
from weir.portal.renderer import Portal, render
from weir.portal.shelf import counterparts, price_calculator
from weir.portal.visitor import Visitor
from weir.shelf import plans, price_changes, products, standard_findings
from weir.shelf.capabilities import Capability
from weir.shelf.pricing import Value
from weir.shelf.pricing_words import words
from weir.shelf.products import Product
from weir.shelf.scenes import SCENES
from weir.shelf.terms import QUOTA_PERIODS


@dataclass(frozen=True, slots=True)
class ProductOffer:
    """A product version with its owner, its versions on the shelf and its operations."""

    product: Product
    owner: Organisation
    versions: tuple[Product, ...]
    capabilities: list[Capability]


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show `/shelf/{owner}/{product}`: everything to know before subscribing."""
    async with portal.database.connect() as connection:
        offered = await product_at(connection, request)
        listed = await plans.of_product(connection, offered.product.id)
        sides = await counterparts.sides_of(connection, offered.product)
        changes = await price_changes.of_plans(connection, [plan.id for plan in listed])
    open_plans = [plan for plan in listed if plan.status == "offered"]
    asked = request.query_params
    use = price_calculator.read_use(asked.get("calls", "10000"), asked.get("amount", "100"))
    now = portal.database.clock.now()
    priced = [
        replace(plan, pricing=begun[-1].pricing) if begun else plan
        for plan in open_plans
        for begun in ([each for each in changes.get(plan.id, []) if each.effective_from <= now],)
    ]
    level, measured_at = await portal.levels.of(offered.product.id)
    return render(
        request,
        visitor,
        "shelf/product.html",
        offered=offered,
        sides=sides,
        scene_query=[("scene", each) for each in offered.product.scenes],
        scene_words=_scene_words(offered.product, visitor),
        plans=open_plans,
        price_words=lambda pricing, currency: words(pricing, currency, _tongue(visitor)),
        changes=changes,
        by_amount=any(plan.pricing.find(Value) for plan in priced),
        use=use,
        estimates=price_calculator.estimates(priced, use),
        level=level,
        measured_at=measured_at,
        DAYS=service_levels.DAYS,
        SCENES=SCENES,
        QUOTA_PERIODS=QUOTA_PERIODS,
        now=now,
    )


async def versions(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show `/shelf/{owner}/{product}/versions`: breaking changes and additions of each version."""
    async with portal.database.connect() as connection:
        offered = await product_at(connection, request)
        changes: list[dict[str, Any]] = []
        for version in offered.versions:
            before, found = await standard_findings.breaking_changes(connection, version)
            added = await _added(connection, version, before) if before else []
            changes.append({"version": version, "before": before, "found": found, "added": added})
    return render(
        request,
        visitor,
        "shelf/product_versions.html",
        offered=offered,
        changes=changes,
        RULES=RULES,
        most=PAGE_ROWS,
    )


async def _added(connection: AsyncConnection, version: Product, before: str) -> list[Capability]:
    """Return the operations of a version that the version before it lacks."""
    older = await products.capabilities_of(connection, before)
    known = {(each.method, each.path) for each in older}
    held = await products.capabilities_of(connection, version.id)
    return [each for each in held if (each.method, each.path) not in known]


async def product_at(connection: AsyncConnection, request: Request) -> ProductOffer:
    """Return the product the address names, in its newest version. NOT_FOUND without one."""
    owner, slug = request.path_params["owner"], request.path_params["product"]
    if not (is_slug(owner) and is_slug(slug)):
        raise Refusal(NOT_FOUND, "not a product's address")
    found = await products.find_by_scope(connection, f"{owner}.{slug}")
    if not found:
        raise Refusal(NOT_FOUND, f"no published {owner}.{slug}")
    return ProductOffer(
        found[0],
        await organisations.get(connection, found[0].owner),
        tuple(found),
        await products.capabilities_of(connection, found[0].id),
    )


def _scene_words(product: Product, visitor: Visitor) -> str:
    chinese = visitor.language.startswith("zh")
    return ("、" if chinese else ", ").join(SCENES[each][chinese] for each in product.scenes)


def _tongue(visitor: Visitor) -> Any:
    return "zh" if visitor.language.startswith("zh") else "en"
