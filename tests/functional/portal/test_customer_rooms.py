"""A member's customers, its test customers, and the consents that each side sees."""

from __future__ import annotations

from typing import Any

from consent_world import World
from sqlalchemy import select
from staff_world import join, link_on

from weir.audit.tables import audit_entries
from weir.consent import transitions
from weir.consent.types import parse_entry
from weir.store.unit import Actor


async def ask(world: World) -> str:
    """A consent that waits for the bank's customer."""
    async with world.services.database.unit(Actor(world.shop.id, world.client.id)) as unit:
        request = parse_entry(
            {
                "type": "urn:weir:payment-initiation:v1",
                "member": world.bank.slug,
                "amount": {"amount": "1.00", "currency": "CNY"},
                "payee": {"account": "A1", "name": "Shop"},
                "purpose": "Tea for the whole office",
            },
            unit.now,
        )
        consent = unit.mint("cns")
        await transitions.open_request(
            unit,
            consent,
            request,
            application=world.client.id,
            partner=world.shop.id,
            member=world.bank.id,
        )
    return consent


async def test_a_member_offers_a_test_customer_and_ends_it(world: World, portal_app: Any) -> None:
    await world.organisation_of("operator")
    person = await join(world, portal_app, world.bank.id, "member", "developer")
    assert "Until you offer one" in (await person.get("/desk/test-customers")).text
    await world.enrol("RB-000001", "acc-1")
    given = {"customer_ref": "RB-000001", "name": "Lin"}
    refused = await person.do("/desk/test-customers", "offer", **given)
    assert refused.status_code == 409
    assert ('value="RB-000001"' in refused.text, "is enrolled" in refused.text) == (True, True)
    offered = await person.do("/desk/test-customers", "offer", **{**given, "customer_ref": "M-7"})
    assert offered.status_code == 303
    assert "M-7" in (await person.get("/desk/test-customers", "zh-Hans")).text
    assert (await person.do("/desk/test-customers", "end")).status_code == 303
    assert "M-7" not in (await person.get("/desk/test-customers")).text
    async with world.services.database.connect() as connection:
        found = await connection.execute(
            select(audit_entries.c.event)
            .where(audit_entries.c.event.like("test_customer.%"))
            .order_by(audit_entries.c.number)
        )
        assert found.scalars().all() == ["test_customer.offered", "test_customer.ended"]
    await person.browser.close()


async def test_a_member_enrols_a_customer_and_hands_over_the_link_once(
    world: World, portal_app: Any
) -> None:
    await world.organisation_of("operator")
    person = await join(world, portal_app, world.bank.id, "member", "owner")
    given = {"customer_ref": "RB-000042", "name": "Wang Wei"}
    shown = await person.do("/desk/customers", "enrol", **given)
    first = link_on(shown)
    again = await person.get("/desk/customers")
    assert ("Wang Wei" in again.text, first in again.text) == (True, False)
    assert link_on(await person.do("/desk/customers", "enrol", **given)) != first
    auditor = await join(world, portal_app, world.bank.id, "member", "auditor")
    read = await auditor.get("/desk/customers")
    assert ("RB-000042" in read.text, "<textarea" in read.text) == (True, False)
    assert "Enrol a customer" not in read.text
    assert (await person.do("/desk/customers", "detach")).status_code == 303
    await person.browser.close()
    await auditor.browser.close()


async def test_both_sides_see_a_consent_and_nobody_else_does(world: World, portal_app: Any) -> None:
    await world.organisation_of("operator")
    consent = await ask(world)
    sees = {}
    for organisation, kind in (
        (world.bank.id, "member"),
        (world.shop.id, "partner"),
        (world.other_bank.id, "member"),
    ):
        person = await join(world, portal_app, organisation, kind, "owner")
        address = "/desk/consents"
        if kind == "partner":
            address += f"?application={world.client.id}"
        page = await person.browser.http.get(address)
        assert page.status_code == 200
        sees[organisation] = (consent in page.text, "Tea for the whole office" in page.text)
        await person.browser.close()
    assert sees == {
        world.bank.id: (True, True),
        world.shop.id: (True, True),
        world.other_bank.id: (False, False),
    }
