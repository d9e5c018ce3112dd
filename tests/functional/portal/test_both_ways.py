"""Beside a product stands what flows the other way in its scenes."""

from __future__ import annotations

import re
from typing import Any

from consent_world import World
from staff_world import Colleague

from weir.openapi.operations import import_document
from weir.shelf import capabilities, documents, products
from weir.shelf.owners import Owner
from weir.shelf.products import Words
from weir.store.unit import Actor


async def publish(world: World, slug: str, scenes: list[str], *, brought_in: bool = False) -> None:
    """A product of the bank that goes out, or one of the shop that is brought in."""
    whose, kind = (world.shop, "partner") if brought_in else (world.bank, "member")
    owner = Owner(whose.id, whose.slug, kind)
    raw = (
        b'{"openapi": "3.0.3", "info": {"title": "%s", "version": "1"}, "paths": {"/%s": {"get":'
        b' {"operationId": "read", "responses": {"200": {"description": "ok"}}}}}}'
    ) % (slug.encode(), slug.encode())
    await world.guard(whose.id)
    async with world.services.database.unit(Actor(whose.id, "setup")) as unit:
        imported = await documents.store(
            unit, whose.id, slug, "https://127.0.0.1:9101", raw, import_document(raw)
        )
        held = await capabilities.of_document(unit.connection, imported.document.id)
        drafted = await products.draft(
            unit,
            owner,
            slug=slug,
            direction="bring-in" if brought_in else "go-out",
            title_en=slug.title(),
            title_zh=f"产品 {slug}",
            words=Words(scenes=scenes),
            capability_ids=[each.id for each in held],
        )
        await products.publish(unit, owner, drafted.id)


async def sides(person: Colleague, address: str) -> list[list[str]]:
    """The titles on each side of a product's page, as they stand there."""
    page = (await person.get(address)).text
    found = re.findall(r'aria-labelledby="way-[^"]+">(.+?)</section>', page, re.DOTALL)
    return [re.findall(r"<strong>([^<]+)</strong>", side) for side in found]


async def test_both_sides_of_a_scene_stand_beside_a_product(world: World, portal_app: Any) -> None:
    await publish(world, "deposits", ["payroll", "housing"])
    await publish(world, "wages", ["payroll", "investing"])
    await publish(world, "farms", ["agriculture"])
    await publish(world, "scores", ["payroll"], brought_in=True)
    await publish(world, "rents", ["housing", "payroll"], brought_in=True)
    person = Colleague.nobody(portal_app)
    own = await sides(person, "/shelf/river-bank/deposits")
    assert own == [["Deposits", "Wages"], ["Rents", "Scores"]]  # its own, then what shares most
    assert await sides(person, "/shelf/shop/scores") == [["Wages", "Deposits"], ["Scores", "Rents"]]
    assert await sides(person, "/shelf/river-bank/farms") == [["Farms"], []]
    assert "Nobody brings anything in" in (await person.get("/shelf/river-bank/farms")).text
    assert await sides(person, "/shelf/river-bank/accounts") == []  # it says no scene
    await person.browser.close()
