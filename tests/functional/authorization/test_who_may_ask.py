"""Who may ask a customer: only for what a subscribed product of that member needs, and in the
sandbox only test customers; and every party under a name of its own.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ciba_support import Asker
from consent_world import Browser, Client, World
from sqlalchemy import select, update

from weir.access import consent_types
from weir.authorization.grants import lodged_consents
from weir.authorization.tables import backchannel_requests
from weir.identity import customers, test_customers
from weir.identity.tables import customers as customers_table
from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Refusal
from weir.keys.vault import PLATFORM
from weir.partners import applications, organisations, registration_rules
from weir.partners.organisations import SANDBOX, Organisation
from weir.partners.tables import organisations as organisations_table
from weir.shelf import products, subscriptions
from weir.shelf.declares import PRODUCTION_NEEDED
from weir.shelf.owners import Owner
from weir.shelf.tables import capabilities, documents
from weir.shelf.tables import subscriptions as subscriptions_table
from weir.store.unit import Actor

REFUSED = "invalid_authorization_details"
Way = Callable[[World, Browser, dict[str, Any], str], Awaitable[str]]


def entry(type_name: str = consent_types.ACCOUNT_ACCESS, member: str = "river-bank") -> Any:
    """A well-formed question of a data type."""
    end = (datetime.now(UTC) + timedelta(days=9)).isoformat(timespec="seconds")
    permission = consent_types.PERMISSIONS[type_name][0]
    return {
        "type": type_name,
        "member": member,
        "permissions": [permission],
        "purpose": "Book-keeping",
        "expires_at": end,
    }


async def pushed(world: World, _: Browser, details: dict[str, Any], scope: str) -> str:
    form = world.access_request(
        world.client, authorization_details=json.dumps([details]), scope=scope
    )
    return str((await world.post("/par", form)).json().get("error", "taken"))


async def asked_on_a_device(
    world: World, browser: Browser, details: dict[str, Any], scope: str
) -> str:
    asker = Asker(world, browser)
    await asker.register("poll")
    answer = await asker.ask(authorization_details=[details], scope=scope)
    return str(answer.json().get("error", "taken"))


async def lodged(world: World, _: Browser, details: dict[str, Any], scope: str) -> str:
    """Lodge a consent, which knows no scope."""
    actor = Actor(world.shop.id, world.client.id)
    try:
        async with world.services.database.unit(actor) as unit:
            await lodged_consents.lodge(unit, world.client.application, [details])
    except Refusal as refusal:
        return str(refusal.outcome.oauth)
    return "taken"


WAYS: dict[str, Way] = {
    "par": pushed,
    "bc-authorize": asked_on_a_device,
    "lodging": lodged,
}


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_subscribed_product_needs_is_taken(
    world: World, browser: Browser, way: str
) -> None:
    assert await WAYS[way](world, browser, entry(), "river-bank.accounts") == "taken"


@pytest.mark.parametrize("way", WAYS)
async def test_another_institution_is_not_asked(world: World, browser: Browser, way: str) -> None:
    """The subscription is to River Bank's product, the question is to Lake Bank's customers."""
    assert await WAYS[way](world, browser, entry(member="lake-bank"), "river-bank.accounts") == (
        REFUSED
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("type_name", consent_types.PERMISSIONS)
async def test_a_type_that_no_product_needs_is_not_asked(
    world: World, browser: Browser, way: str, type_name: str
) -> None:
    async with world.services.database.engine.begin() as connection:
        await connection.execute(
            update(capabilities)
            .where(capabilities.c.consent_type == type_name)
            .values(consent_type=None, permission=None)
        )
    ask = WAYS[way]
    assert await ask(world, browser, entry(type_name), "river-bank.accounts") == REFUSED
    other = next(each for each in consent_types.PERMISSIONS if each != type_name)
    assert await ask(world, browser, entry(other), "river-bank.accounts") == "taken"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", ["requested", "suspended", "ended"])
async def test_without_an_active_subscription_no_one_is_asked(
    world: World, browser: Browser, way: str, status: str
) -> None:
    async with world.services.database.engine.begin() as connection:
        await connection.execute(
            update(subscriptions_table)
            .where(subscriptions_table.c.application == world.client.id)
            .values(status=status)
        )
    answer = await WAYS[way](world, browser, entry(), "river-bank.accounts")
    assert answer in (REFUSED, "invalid_scope")
    async with world.services.database.connect() as connection:
        assert not await subscriptions.needs_consent(
            connection,
            world.client.id,
            owner=world.bank.id,
            consent_type=consent_types.ACCOUNT_ACCESS,
        )


@pytest.mark.parametrize("way", ["par", "bc-authorize"])
async def test_the_scope_must_name_the_product_that_needs_it(
    world: World, browser: Browser, way: str
) -> None:
    """Subscribed to both, the application may not ask for one's consent under the other's scope."""
    await world.subscribe(world.client, await world.publish_product("weather"))
    async with world.services.database.engine.begin() as connection:
        mine = select(capabilities.c.id).join(documents).where(documents.c.slug == "weather")
        await connection.execute(
            update(capabilities)
            .where(capabilities.c.id.in_(mine))
            .values(consent_type=None, permission=None, moves_money=False)
        )
    ask = WAYS[way]
    assert await ask(world, browser, entry(), "river-bank.weather") == REFUSED
    assert await ask(world, browser, entry(), "river-bank.accounts river-bank.weather") == "taken"
    assert await ask(world, browser, entry(), "openid") == REFUSED


# --- the sandbox ---


async def in_sandbox(world: World) -> Organisation:
    """The shop as it would be had it signed up by itself."""
    async with world.services.database.engine.begin() as connection:
        await connection.execute(
            update(organisations_table)
            .where(organisations_table.c.id == world.shop.id)
            .values(stage=SANDBOX)
        )
    async with world.services.database.connect() as connection:
        return await organisations.get(connection, world.shop.id)


async def test_a_partner_in_the_sandbox_cannot_ask_a_real_customer(
    world: World, browser: Browser, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    await in_sandbox(world)
    uri = await world.push(world.access_request(world.client))
    page = await browser.open(f"/authorize?client_id={world.client.id}&request_uri={uri}")
    if "Sign-in name" in page.text:
        page = await browser.sign_in(page, "lihua")
    assert "account-0" not in page.text
    assert "acc-1" not in page.text
    assert 'value="yes"' not in page.text


async def test_on_a_device_the_question_reaches_no_real_customer(
    world: World, browser: Browser, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    await in_sandbox(world)
    asker = Asker(world, browser)
    await asker.register("poll")
    await asker.asked()  # answered as ever: the client does not learn who is a customer
    async with world.services.database.connect() as connection:
        assert await connection.scalar(select(backchannel_requests.c.customer)) is None


async def test_its_own_test_customer_is_asked_by_number(world: World, browser: Browser) -> None:
    shop = await in_sandbox(world)
    async with world.services.database.unit(Actor(world.bank.id, "teller")) as unit:
        await test_customers.offer(unit, world.bank.id, "RB-000017", "Wei Min")
        person = await test_customers.take(
            unit,
            member=world.bank.id,
            customer_ref="RB-000017",
            organisation=shop.id,
            passphrase_hash="x",
        )
    asker = Asker(world, browser)
    await asker.register("poll")
    await asker.asked(login_hint="RB-000017")
    async with world.services.database.connect() as connection:
        asked = await connection.scalar(select(backchannel_requests.c.customer))
        own = await connection.scalar(
            select(customers_table.c.id).where(customers_table.c.person == person.id)
        )
        assert asked == own is not None
        found = await customers.find(connection, own)
    assert found is not None
    assert found.tried_by == shop.id


async def test_nothing_is_published_from_the_sandbox(world: World) -> None:
    owner = Owner(world.bank.id, world.bank.slug, "member", in_sandbox=True)
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        drafted = await products.draft(
            unit,
            owner,
            slug="quick",
            direction="go-out",
            title_en="Quick",
            title_zh="快",
            sandbox=True,
            capability_ids=[],
        )
        with pytest.raises(Refusal) as refused:
            await products.publish(unit, owner, drafted.id)
    assert refused.value.outcome is PRODUCTION_NEEDED


# --- names ---


async def admit(world: World, slug: str, name_en: str, name_zh: str, stage: str) -> Organisation:
    facts = registration_rules.partner_facts(
        slug=slug, name_en=name_en, name_zh=name_zh, partner_class="software_vendor"
    )
    async with world.services.database.unit(PLATFORM) as unit:
        return await organisations.admit(unit, facts, stage=stage)


async def register(world: World, organisation: Organisation, name: str) -> Client:
    return await world.register(organisation, "private_key_jwt", name=name)


LOOK_ALIKES = [
    ("River Bank", "无名"),
    ("R\u0456ver Bank", "无名"),
    ("RIVERBANK", "无名"),
    ("Nameless", "江河銀行"),
    ("Ledger for Sh0ps", "无名"),  # an application of an admitted party
]


@pytest.mark.parametrize("stage", ["sandbox", "production"])
@pytest.mark.parametrize(("name_en", "name_zh"), LOOK_ALIKES)
async def test_a_name_that_looks_like_an_admitted_partys_is_refused(
    world: World, name_en: str, name_zh: str, stage: str
) -> None:
    with pytest.raises(Refusal) as refused:
        await admit(world, "newcomer", name_en, name_zh, stage)
    assert refused.value.outcome is CONFLICT
    assert refused.value.public["pointer"] in ("/name_en", "/name_zh")


async def test_an_application_bears_no_other_partys_name(world: World) -> None:
    newcomer = await admit(world, "newcomer", "Newcomer", "新来者", "sandbox")
    for name in ("River Bank", "Corner Shop Ltd", "Ledger f0r shops", "江河銀行"):
        with pytest.raises(Refusal) as refused:
            await register(world, newcomer, name)
        assert refused.value.outcome is CONFLICT
    await register(world, newcomer, "Newcomer")
    again = await register(world, newcomer, "Newcomer")  # its own name as often as it likes
    async with world.services.database.connect() as connection:
        assert (await applications.get(connection, again.id)).name == "Newcomer"


async def test_a_name_of_the_sandbox_gives_way_to_a_party_that_is_admitted(world: World) -> None:
    squatter = await admit(world, "tall-pine", "Tall Pine", "高松", "sandbox")
    async with world.services.database.unit(PLATFORM) as unit:
        await organisations.admit_member(
            unit,
            slug="tall-pine-bank",
            name_en="Tall Pine",
            name_zh="高松银行",
            licence_kind="bank",
        )
    with pytest.raises(Refusal) as refused:
        async with world.services.database.unit(PLATFORM) as unit:
            await organisations.open_production(unit, squatter.id)
    assert refused.value.outcome is CONFLICT


async def test_names_are_reserved_once_production_is_opened(world: World) -> None:
    newcomer = await admit(world, "newcomer", "Newcomer", "新来者", "sandbox")
    await register(world, newcomer, "Lantern")
    async with world.services.database.unit(PLATFORM) as unit:
        await organisations.open_production(unit, newcomer.id)
    for name in ("Newcomer", "Lantern"):
        with pytest.raises(Refusal) as refused:
            await admit(world, "another", name, "另一个", "production")
        assert refused.value.outcome is CONFLICT
