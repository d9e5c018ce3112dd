"""Counterparts of a product: products of either direction that share its scenes.

A go-out product stands beside what partners bring in for the scenes it suits, so that a partner
sees what else is at hand there, and the institution what it could take in; a bring-in product
stands beside what institutions give out there. On its own side are the owner's other products for
these scenes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from weir.partners import organisations
from weir.partners.organisations import Organisation
from weir.shelf import products
from weir.shelf.products import Product
from weir.shelf.search import finder

_OTHER = {"go-out": "bring-in", "bring-in": "go-out"}


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A product of one of the two sides, and the scenes that it shares with the page's product."""

    product: Product
    owner: Organisation
    shared: Sequence[str]


async def sides_of(
    connection: AsyncConnection, product: Product
) -> dict[str, Sequence[Counterpart]]:
    """Return counterparts by direction (`go-out`, `bring-in`); empty without a scene."""
    if not product.scenes:
        return {}
    own = await finder.in_scenes(connection, product.scenes, product.direction, product.owner_slug)
    other = await finder.in_scenes(connection, product.scenes, _OTHER[product.direction])
    listed = await products.get_many(connection, [hit.product for hit in (*own, *other)])
    owners = await organisations.get_many(connection, {each.owner for each in listed.values()})
    wanted = set(product.scenes)

    def of(hits: Sequence[finder.Hit]) -> Sequence[Counterpart]:
        found = [(listed[hit.product], hit.scenes) for hit in hits]
        return [
            Counterpart(each, owners[each.owner], [scene for scene in scenes if scene in wanted])
            for each, scenes in found
        ]

    own = sorted(own, key=lambda hit: hit.product != product.id)  # the page's own stands first
    sides = {product.direction: of(own), _OTHER[product.direction]: of(other)}
    return {direction: sides[direction] for direction in finder.DIRECTIONS}
