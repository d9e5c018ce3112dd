"""Search over the shelf: both languages, facets and their counts, versions, and hostile words."""

from __future__ import annotations

import pytest
from consent_world import Browser, World

from weir.kernel.outcomes import Refusal
from weir.openapi.operations import import_document
from weir.shelf import capabilities, documents, plans, products
from weir.shelf.owners import Owner
from weir.shelf.products import Words
from weir.shelf.search import index
from weir.shelf.search.finder import SearchPage, find, read_query
from weir.shelf.terms import read_terms
from weir.store.unit import Actor

SCORES = b"""{"openapi": "3.0.3", "info": {"title": "scores", "version": "1"}, "paths": {"/scores":
{"get": {"operationId": "score", "responses": {"200": {"description": "ok"}}}}}}"""


async def found(world: World, **asked: object) -> SearchPage:
    async with world.services.database.connect() as connection:
        return await find(connection, read_query(**asked))  # type: ignore[arg-type]


async def slugs(world: World, **asked: object) -> list[str]:
    listed = await found(world, **asked)
    async with world.services.database.connect() as connection:
        held = await products.get_many(connection, [hit.product for hit in listed.hits])
    return [held[hit.product].slug for hit in listed.hits]


async def publish_loans(world: World) -> str:
    """The next version of a product of the bank, which holds what accounts holds."""
    owner = Owner(world.bank.id, world.bank.slug, "member")
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        (accounts, *_) = await products.find_by_scope(unit.connection, "river-bank.accounts")
        held = await products.capabilities_of(unit.connection, accounts.id)
        drafted = await products.draft(
            unit,
            owner,
            slug="loans",
            direction="go-out",
            title_en="Loans for shops",
            title_zh="商户贷款",
            words=Words(
                description_zh="随借随还", suits_en="Shops", scenes=["shopkeeping", "risk"]
            ),
            capability_ids=[each.id for each in held],
        )
        return (await products.publish(unit, owner, drafted.id)).id


async def test_words_of_both_languages_find_products_best_first(world: World) -> None:
    await publish_loans(world)
    assert await slugs(world, words="贷款") == ["loans"]
    assert await slugs(world, words="款") == ["loans"]
    assert await slugs(world, words="loan") == ["loans"]
    assert await slugs(world, words="随借") == ["loans"]
    assert (await slugs(world, words="账户"))[0] == "accounts"
    assert set(await slugs(world, words="江河银行")) >= {"accounts", "loans"}
    assert await slugs(world, words="保险") == []
    # It holds an operation of that name, so it is found by it too, and the operation is shown.
    by_operation = await found(world, words="/accounts")
    assert all(hit.operations_found == 1 for hit in by_operation.hits)
    assert {one.path for hit in by_operation.hits for one in hit.operations} == {"/accounts"}


async def test_facets_narrow_and_count_what_else_could_be_chosen(world: World) -> None:
    product = await publish_loans(world)
    terms = read_terms(
        name="Free",
        currency="CNY",
        pricing={"components": []},
        rate_per_s="unlimited",
        quota="unlimited",
        quota_period=None,
    )
    everything = await found(world)
    assert everything.facets["price"].get("free") is None
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        plan = await plans.offer(unit, product, terms)
    assert await slugs(world, prices=["free"]) == ["loans"]
    narrowed = await found(world, prices=["free"])
    assert narrowed.total == 1
    assert narrowed.facets["price"] == everything.facets["price"] | {"free": 1}
    assert narrowed.facets["scene"] == {"shopkeeping": 1, "risk": 1}
    assert await slugs(world, scenes=["risk"], kinds=["bank"], owners=["river-bank"]) == ["loans"]
    assert await slugs(world, kinds=["insurer"]) == []
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        await plans.withdraw(unit, plan.id)
    assert await slugs(world, prices=["free"]) == []


async def test_a_retired_version_is_found_no_more_and_an_unindexed_one_is_again(
    world: World,
) -> None:
    product = await publish_loans(world)
    newer = await publish_loans(world)
    assert [hit.product for hit in (await found(world, words="贷款")).hits] == [newer]
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        await products.retire(unit, newer)
    assert [hit.product for hit in (await found(world, words="贷款")).hits] == [product]
    async with world.services.database.engine.begin() as connection:
        await index.remove(connection, world.bank.id, "loans")
        assert await products.index_missing(connection) == 1
        assert await products.index_missing(connection) == 0
    assert [hit.product for hit in (await found(world, words="贷款")).hits] == [product]


@pytest.mark.parametrize(
    "asked",
    [
        {"words": "x" * 101},
        {"scenes": ["nowhere"]},
        {"prices": ["free", "'; DROP TABLE shelf_entries"]},
        {"grades": ["9"]},
        {"page": 0},
        {"page": 10_000},
        {"owners": ["a\x00b"]},
        {"kinds": ["\x00"]},
    ],
)
async def test_what_is_of_no_list_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_query(**asked)  # type: ignore[arg-type]


async def test_hostile_words_find_nothing_and_break_nothing(
    world: World, portal_browser: Browser
) -> None:
    for words in ("' | !:*", "\\' OR 1=1 --", "<script>alert(1)</script>", "账'户"):
        page = await portal_browser.http.get("/shelf", params={"q": words})
        assert page.status_code == 200, words
        assert "<script>alert" not in page.text
    assert (await portal_browser.http.get("/shelf", params={"q": "a\x00b"})).status_code == 422
    assert (await portal_browser.http.get("/shelf", params={"page": "99"})).status_code == 404
    assert (await portal_browser.http.get("/shelf", params={"scene": "x"})).status_code == 422


async def test_the_page_marks_what_was_asked_for_and_keeps_the_address(
    world: World, portal_browser: Browser
) -> None:
    page = await portal_browser.http.get("/shelf", params={"q": "账户", "lang": "zh-Hans"})
    assert "<mark>账户</mark>" in page.text
    assert 'value="账户"' in page.text
    assert "/shelf/river-bank/accounts" in page.text
    nothing = await portal_browser.http.get("/shelf", params={"q": "没有的东西"})
    assert "货架上没有符合条件的产品" in nothing.text


async def test_what_goes_out_and_what_is_brought_in_stand_side_by_side(
    world: World, portal_browser: Browser
) -> None:
    await publish_loans(world)
    assert (await found(world)).sides == {}  # nothing is brought in yet
    owner = Owner(world.shop.id, world.shop.slug, "partner")
    await world.guard(owner.id)
    async with world.services.database.unit(Actor(world.shop.id, "setup")) as unit:
        imported = await documents.store(
            unit, owner.id, "scores", "https://127.0.0.1:9101", SCORES, import_document(SCORES)
        )
        held = await capabilities.of_document(unit.connection, imported.document.id)
        drafted = await products.draft(
            unit,
            owner,
            slug="scores",
            direction="bring-in",
            title_en="Shop scores",
            title_zh="商户评分",
            capability_ids=[each.id for each in held],
        )
        await products.publish(unit, owner, drafted.id)
    both = await found(world)
    assert {name: len(side) for name, side in both.sides.items()} == {"go-out": 2, "bring-in": 1}
    assert both.total == len(both.hits) == 3
    assert (await found(world, direction="go-out")).sides == {}
    assert (await found(world, words="贷款")).sides == {}  # only one direction has it
    page = (await portal_browser.get("/shelf?q=shop")).text
    assert page.index('id="side-go-out"') < page.index('id="side-bring-in"')
    assert "/shelf?q=shop&amp;direction=bring-in" in page
