"""What pages of several rooms look up by identifier, to call it by its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place

_NAMES: Final = 50


async def parties_of(desk: Desk) -> dict[str, Document]:
    """Every organisation, by identifier."""
    return {each["id"]: each for each in await desk.asking.all("/v1/organisations")}


async def applications_of(desk: Desk, wanted: Iterable[str | None]) -> dict[str, str]:
    """What the applications in reach are called, by identifier."""
    return await _named(desk, "/v1/applications", "name", wanted)


async def _named(
    desk: Desk, address: str, name: str, wanted: Iterable[str | None]
) -> dict[str, str]:
    """The first so many of them: names are for reading, and each is asked for by itself."""
    found: dict[str, str] = {}
    for each in list(dict.fromkeys(each for each in wanted if each))[:_NAMES]:
        try:
            found[each] = (await desk.asking.get(f"{address}/{place(each)}"))[name]
        except Refusal as refusal:
            if refusal.outcome is not NOT_FOUND:
                raise
    return found


async def called(desk: Desk, identifiers: Iterable[str]) -> dict[str, str]:
    """What people call the organisations, applications, products and colleagues among these
    identifiers, where whoever looks may know it."""
    zh = desk.visitor.language.startswith("zh")
    wanted = set(identifiers)
    title = "title_zh" if zh else "title_en"
    names = await applications_of(desk, sorted(each for each in wanted if each[:4] == "app_"))
    products = sorted(each for each in wanted if each[:4] == "prd_")
    names |= await _named(desk, "/v1/products", title, products)
    for each in await desk.asking.all("/v1/organisations"):
        names[each["id"]] = each["name_zh" if zh else "name_en"]
    for each in (await desk.asking.get("/v1/people"))["items"]:
        names[each["id"]] = each["display_name"]
    return names


async def products_of(desk: Desk, wanted: Iterable[str]) -> dict[str, Document]:
    """Those that can still be seen, by identifier: a version that was retired is its owner's."""
    found: dict[str, Document] = {}
    for product in set(wanted):
        try:
            found[product] = await desk.asking.get(f"/v1/products/{place(product)}")
        except Refusal as refusal:
            if refusal.outcome is not NOT_FOUND:
                raise
    return found
