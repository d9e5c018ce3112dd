"""Display names of parties, applications, products and people, looked up by identifier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place

_NAMES: Final = 50


async def parties_of(desk: Desk) -> dict[str, Document]:
    """Return every organisation by identifier, as the management API has it."""
    return {each["id"]: each for each in await desk.management.all("/v1/organisations")}


async def applications_of(desk: Desk, wanted: Iterable[str | None]) -> dict[str, str]:
    """Return the names of the applications within reach, by identifier."""
    return await _named(desk, "/v1/applications", "name", wanted)


async def _named(
    desk: Desk, address: str, name: str, wanted: Iterable[str | None]
) -> dict[str, str]:
    """Return names by identifier, of the first `_NAMES` identifiers only: each costs a request."""
    found: dict[str, str] = {}
    for each in list(dict.fromkeys(each for each in wanted if each))[:_NAMES]:
        try:
            found[each] = (await desk.management.get(f"{address}/{place(each)}"))[name]
        except Refusal as refusal:
            if refusal.outcome is not NOT_FOUND:
                raise
    return found


async def display_names(desk: Desk, identifiers: Iterable[str]) -> dict[str, str]:
    """Return display names by identifier, of the organisations, applications, products and
    colleagues among `identifiers` that the person may read.
    """
    zh = desk.visitor.language.startswith("zh")
    wanted = set(identifiers)
    title = "title_zh" if zh else "title_en"
    names = await applications_of(desk, sorted(each for each in wanted if each[:4] == "app_"))
    products = sorted(each for each in wanted if each[:4] == "prd_")
    names |= await _named(desk, "/v1/products", title, products)
    for each in await desk.management.all("/v1/organisations"):
        names[each["id"]] = each["name_zh" if zh else "name_en"]
    for each in (await desk.management.get("/v1/people"))["items"]:
        names[each["id"]] = each["display_name"]
    return names


async def products_of(desk: Desk, wanted: Iterable[str]) -> dict[str, Document]:
    """Return the products by identifier; a retired version is visible to its owner only."""
    found: dict[str, Document] = {}
    for product in set(wanted):
        try:
            found[product] = await desk.management.get(f"/v1/products/{place(product)}")
        except Refusal as refusal:
            if refusal.outcome is not NOT_FOUND:
                raise
    return found
