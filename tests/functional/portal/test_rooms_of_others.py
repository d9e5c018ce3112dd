"""Whatever the pages of one organisation show and offer, pressed by somebody of another."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from consent_world import World
from sqlalchemy import select
from staff_world import Colleague, join
from test_customer_rooms import ask
from test_money_rooms import settle_by_hand
from test_refused_forms import Written, furnish, read
from test_statement_page import close_a_period

from weir.identity import test_customers
from weir.portal.pages import desk_pages
from weir.shelf.tables import products as shelved
from weir.store.schema import metadata
from weir.store.unit import Actor

Rows = dict[str, set[str]]
# What every page says of whoever looks, and what is everybody's: the root over all records.
_SHARED = ("/desk/account", "/desk/receipts/roots/")


async def everything(world: World) -> Rows:
    """Every row of every table."""
    async with world.services.database.connect() as connection:
        return {
            table.name: set(map(repr, (await connection.execute(select(table))).all()))
            for table in metadata.sorted_tables
        }


async def offered(person: Colleague) -> tuple[set[str], list[tuple[str, Written]]]:
    """Every address that links lead to from the desk, and every form that stands there."""
    waiting, seen, forms = ["/desk"], {"/desk"}, []
    while waiting:
        address = waiting.pop(0)
        if "/lines/" in address:
            continue  # no records are behind a statement that was made by hand
        page = await person.browser.http.get(address)
        if page.status_code != 200 or "text/html" not in page.headers["content-type"]:
            continue
        reader = read(page)
        forms += [(urlsplit(address).path, each) for each in reader.forms if of_a_room(each)]
        for link in reader.links:
            path = urlsplit(link).path
            if path.startswith(("/desk", "/statements")) and path not in seen:
                seen.add(path)
                waiting.append(link)
    return seen, forms


def of_a_room(form: Written) -> bool:
    """Whether it is not the header's or the footer's, which leave or change one's own look."""
    return not form.action or form.action.startswith("/desk")


def of_one_thing(address: str) -> bool:
    """Whether the address names something by its identifier."""
    plain = {room for room, _, _ in desk_pages() if "{" not in room}
    return address not in plain and not address.startswith(_SHARED)


async def test_nobody_sees_or_presses_what_another_organisation_is_offered(
    world: World, portal_app: Any
) -> None:
    operator = await world.organisation_of("operator")
    await furnish(world)
    await close_a_period(world, world.bank.id, operator)
    await settle_by_hand(world, operator)
    await ask(world)
    await world.enrol("RB-000001", "acc-1")
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        await test_customers.offer(unit, world.bank.id, "M-7", "Lin")
    stranger = await join(world, portal_app, world.other_bank.id, "member", "owner")
    own = read(await stranger.get("/desk/people")).forms[0]  # its token is this person's
    token = own.sent["form_token"]
    async with world.services.database.connect() as connection:
        on_the_shelf = select(shelved.c.id).where(shelved.c.status == "published")
        published = (await connection.execute(on_the_shelf)).scalars().all()
    pressed = 0
    for organisation, kind in ((world.bank.id, "member"), (world.shop.id, "partner")):
        owner = await join(world, portal_app, organisation, kind, "owner")
        addresses, forms = await offered(owner)
        await owner.browser.close()
        for address in filter(of_one_thing, addresses):
            if any(product in address for product in published):
                continue  # a product on the shelf is everybody's to read
            answer = await stranger.browser.http.get(address)
            assert answer.status_code in (403, 404), (address, answer.status_code)
        before = await everything(world)
        for address, form in forms:
            named = [value for value in form.sent.values() if "_" in value and len(value) == 30]
            if not named and not of_one_thing(address):
                continue  # it would make something of the stranger's own
            sent = form.sent | dict.fromkeys(form.typed, "1") | {"form_token": token}
            answer = await stranger.browser.http.post(form.action or address, data=sent)
            assert 300 < answer.status_code < 500, (address, form.act, answer.status_code)
            pressed += 1
        after = await everything(world)
        for table, rows in before.items():
            assert after[table] == rows, table
    assert pressed > 8
    await stranger.browser.close()
