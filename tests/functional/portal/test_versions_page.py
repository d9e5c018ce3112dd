"""A product's changelog: what each version breaks of the one before it, and what it adds."""

from __future__ import annotations

import json
import re

from consent_world import Browser, World

from weir.openapi.operations import import_document
from weir.shelf import capabilities, documents, products
from weir.shelf.owners import Owner
from weir.store.unit import Actor


async def publish(world: World, **summaries: str) -> None:
    """The next version of a product of the bank, with these operations."""
    paths = {
        f"/{name}": {
            "get": {
                "operationId": name,
                "summary": summary,
                "responses": {"200": {"description": "ok"}},
            }
        }
        for name, summary in summaries.items()
    }
    document = {"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": paths}
    raw = json.dumps(document).encode()
    owner = Owner(world.bank.id, world.bank.slug, "member")
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        stored = await documents.store(
            unit, owner.id, "moving", "https://127.0.0.1:9101", raw, import_document(raw)
        )
        held = await capabilities.of_document(unit.connection, stored.document.id)
        drafted = await products.draft(
            unit,
            owner,
            slug="moving",
            direction="go-out",
            title_en="Moving",
            title_zh="变化中",
            capability_ids=[each.id for each in held],
        )
        await products.publish(unit, owner, drafted.id)


async def test_a_version_tells_what_it_breaks_and_what_it_adds(
    world: World, portal_browser: Browser
) -> None:
    await publish(world, kept="Stays", gone="Leaves")
    await publish(world, kept="Stays", come="Comes <in>")
    await publish(world, kept="Stays", come="Comes <in>", third="Third")
    page = (await portal_browser.get("/shelf/river-bank/moving/versions")).text
    newest, second, first = re.findall(r"<h2>Version .*?</section>", page, re.DOTALL)
    assert "1 change breaks what was written" in second
    assert "gone" in second
    assert "1 new operation" in second
    assert "<code>/come</code> Comes &lt;in&gt;" in second
    assert "Breaks nothing of the version before it" in newest
    assert "<code>/third</code>" in newest
    assert "The first version." in first
    chinese = (await portal_browser.get("/shelf/river-bank/moving/versions?lang=zh-Hans")).text
    assert "新增 1 个接口" in chinese
