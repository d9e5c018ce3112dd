"""What is on the shelf, and who takes part: open to everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from weir.kernel.identifiers import is_slug
from weir.kernel.outcomes import NOT_FOUND, Refusal
from weir.partners import organisations
from weir.partners.classes import LICENCE_KINDS
from weir.partners.organisations import Organisation
from weir.portal.rendering import Portal, render
from weir.portal.visitor import Visitor
from weir.shelf import changing, plans, products
from weir.shelf.pricing_words import words
from weir.shelf.products import Product
from weir.shelf.terms import QUOTA_PERIODS


@dataclass(frozen=True, slots=True)
class Offered:
    """A product version with its owner."""

    product: Product
    owner: Organisation


async def home(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """What is true now, and what to do next."""
    async with portal.database.connect() as connection:
        members = await organisations.list_page(connection, kind="member")
        offered = await products.list_shelf(connection)
    return render(request, visitor, "home.html", members=len(members), products=len(offered))


async def product(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """One product: what it can do, and what it costs."""
    owner, slug = request.path_params["owner"], request.path_params["product"]
    if not (is_slug(owner) and is_slug(slug)):
        raise Refusal(NOT_FOUND, "not a product's address")
    async with portal.database.connect() as connection:
        versions = await products.find_by_scope(connection, f"{owner}.{slug}")
        if not versions:
            raise Refusal(NOT_FOUND, f"no published {owner}.{slug}")
        (newest,) = await _with_owners(connection, versions[:1])
        capabilities = await products.capabilities_of(connection, newest.product.id)
        offered = await plans.of_product(connection, newest.product.id)
        changes = await changing.of_plans(connection, [plan.id for plan in offered])
    return render(
        request,
        visitor,
        "product.html",
        offered=newest,
        older=versions[1:],
        capabilities=capabilities,
        plans=[plan for plan in offered if plan.status == "offered"],
        price_words=lambda pricing, currency: words(
            pricing, currency, "zh" if visitor.language.startswith("zh") else "en"
        ),
        changes=changes,
        now=portal.database.clock.now(),
        QUOTA_PERIODS=QUOTA_PERIODS,
    )


async def members(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """The licensed institutions of the alliance."""
    async with portal.database.connect() as connection:
        listed = await organisations.list_page(connection, kind="member")
    return render(request, visitor, "members.html", members=listed, LICENCE_KINDS=LICENCE_KINDS)


async def _with_owners(connection: AsyncConnection, listed: Sequence[Product]) -> list[Offered]:
    owners = {
        owner: await organisations.get(connection, owner)
        for owner in {each.owner for each in listed}
    }
    return [Offered(each, owners[each.owner]) for each in listed]
