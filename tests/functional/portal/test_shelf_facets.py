"""What stands beside a facet's choices is right: choosing one shows just as many products."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from consent_world import Browser, World

from weir.openapi.operations import import_document
from weir.shelf import capabilities, documents, plans, products
from weir.shelf.declares import SEARCH_PAGE_ROWS
from weir.shelf.owners import Owner
from weir.shelf.products import Words
from weir.shelf.scenes import SCENES
from weir.shelf.search.finder import SearchPage, SearchQuery, find
from weir.shelf.terms import read_terms
from weir.store.unit import Actor

SCORES = b"""{"openapi": "3.0.3", "info": {"title": "scores", "version": "1"}, "paths": {"/scores":
{"get": {"operationId": "score", "responses": {"200": {"description": "ok"}}}}}}"""
PRICINGS = [
    [],
    [{"kind": "per_call", "price": "0.05"}],
    [{"kind": "fixed", "price": "10"}],
    [{"kind": "value", "rate": "0.001"}],
]
FACETS = ("direction", "kind", "owner", "grade", "price", "scene")
PICK = r'id="[^"]+" name="([a-z]+)" value="([^"]+)"[^>]*><span>[^<]*</span><span[^>]*>(\d+)<'


@dataclass
class Stall:
    """Somebody who puts products on the shelf."""

    world: World
    owner: Owner
    capability_ids: list[str]

    @classmethod
    async def open(cls, world: World, owner: Owner) -> Stall:
        await world.guard(owner.id)
        async with world.services.database.unit(Actor(owner.id, "setup")) as unit:
            stored = await documents.store(
                unit, owner.id, "scores", "https://127.0.0.1:9101", SCORES, import_document(SCORES)
            )
            held = await capabilities.of_document(unit.connection, stored.document.id)
        return cls(world, owner, [each.id for each in held])

    async def publish(
        self, slug: str, title_en: str, title_zh: str, scenes: list[str], pricings: list[Any]
    ) -> None:
        direction = "go-out" if self.owner.kind == "member" else "bring-in"
        async with self.world.services.database.unit(Actor(self.owner.id, "setup")) as unit:
            drafted = await products.draft(
                unit,
                self.owner,
                slug=slug,
                direction=direction,
                title_en=title_en,
                title_zh=title_zh,
                words=Words(scenes=scenes),
                capability_ids=self.capability_ids,
            )
            await products.publish(unit, self.owner, drafted.id)
            for place, components in enumerate(pricings):
                terms = read_terms(
                    name=f"Plan {place}",
                    currency="CNY",
                    pricing={"components": components},
                    rate_per_s="unlimited",
                    quota="unlimited",
                    quota_period=None,
                )
                await plans.offer(unit, drafted.id, terms)


async def stalls(world: World) -> list[Stall]:
    """The bank's, which gives out, and the shop's, which brings in."""
    return [
        await Stall.open(world, Owner(world.bank.id, world.bank.slug, "member")),
        await Stall.open(world, Owner(world.shop.id, world.shop.slug, "partner")),
    ]


async def publish_many(world: World) -> None:
    """Products of both directions, in all scenes, under plans of several kinds, or of none."""
    chance, both = random.Random(7), await stalls(world)
    for place in range(14):
        titles = (f"Crédit {place}", "商户贷款") if place % 3 else (f"Savings {place}", "存款")
        scenes = chance.sample(sorted(SCENES), place % 4)
        pricings = chance.sample(PRICINGS, place % 3)
        await both[place % 2].publish(f"thing-{place}", *titles, scenes, pricings)


async def test_each_count_is_what_choosing_it_shows(world: World) -> None:
    await publish_many(world)
    everything = await found_of(world, SearchQuery())
    chance = random.Random(11)
    compared = 0
    for _ in range(15):
        wanted = SearchQuery(words=chance.choice(["", "credit", "贷款", "sav"]))
        for facet in FACETS:
            if chance.random() < 0.3:
                among = sorted(everything.facets[facet])
                wanted = choosing(wanted, facet, *chance.sample(among, min(2, len(among))))
        told = await found_of(world, wanted)
        for facet, counts in told.facets.items():
            for choice in everything.facets[facet]:
                alone = await found_of(world, choosing(wanted, facet, choice))
                assert counts.get(choice, 0) == alone.total, (wanted, facet, choice)
                compared += alone.total > 0
    assert compared > 50


async def found_of(world: World, wanted: SearchQuery) -> SearchPage:
    async with world.services.database.connect() as connection:
        return await find(connection, wanted)


def choosing(wanted: SearchQuery, facet: str, *choices: str) -> SearchQuery:
    """With these choices of one facet in place of its own."""
    if facet == "direction":
        return replace(wanted, direction=choices[0])
    return replace(wanted, **{f"{facet}s": choices})


async def test_each_number_on_the_page_is_what_a_click_then_shows(
    world: World, portal_browser: Browser
) -> None:
    await publish_many(world)
    for chosen in ([], [("q", "credit")], [("scene", "risk"), ("direction", "bring-in")]):
        page = (await portal_browser.http.get(f"/shelf?{urlencode(chosen)}")).text
        facets = {name for name, _ in chosen}
        picks = [pick for pick in re.findall(PICK, page) if pick[0] not in facets]
        assert len(picks) > 4, page
        for name, value, count in picks:
            clicked = urlencode([*chosen, (name, value)])
            shown = (await portal_browser.http.get(f"/shelf?{clicked}")).text
            assert re.findall(r'id="count"[^>]*>(\d+) product', shown) == [count], clicked
            assert (name, value, count) in re.findall(PICK, shown), "it can be taken back"


async def test_what_was_chosen_stays_on_the_page_though_nothing_has_it(
    world: World, portal_browser: Browser
) -> None:
    page = await portal_browser.get("/shelf?owner=river-bank&kind=insurer&grade=5&scene=risk")
    assert "Nothing on the shelf matches this" in page.text
    chosen = re.findall(r'name="([a-z]+)" value="([a-z0-9-]+)" checked', page.text)
    assert chosen == [
        ("scene", "risk"), ("kind", "insurer"), ("grade", "5"), ("owner", "river-bank"),
    ]  # fmt: skip


async def test_pages_lead_to_each_other_and_end(world: World, portal_browser: Browser) -> None:
    stall, *_ = await stalls(world)
    for place in range(2 * SEARCH_PAGE_ROWS):
        await stall.publish(f"paged-{place}", "Paged", "分页", [], [])
    address, seen = "/shelf?q=paged", []
    while address:
        page = (await portal_browser.http.get(address)).text
        seen += re.findall(r'<h2><a href="/shelf/river-bank/(paged-\d+)"', page)
        assert re.search(rf"Page {len(seen) // SEARCH_PAGE_ROWS} of 2", page)
        behind = re.findall(r'href="([^"]+)" rel="next"', page)
        address = behind[0].replace("&amp;", "&") if behind else ""
    assert sorted(seen) == sorted({f"paged-{n}" for n in range(2 * SEARCH_PAGE_ROWS)})
