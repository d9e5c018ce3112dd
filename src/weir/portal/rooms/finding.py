"""What pages of several rooms look up by identifier, to call it by its name."""

from __future__ import annotations

from collections.abc import Iterable

from weir.kernel.outcomes import NOT_FOUND, Refusal
from weir.portal.management import Document, place
from weir.portal.rooms.desk import Desk


async def parties_of(desk: Desk) -> dict[str, Document]:
    """Every organisation, by identifier."""
    return {each["id"]: each for each in await desk.asking.all("/v1/organisations")}


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
