"""The rooms for what follows a closing: credits, settlement, rates, opening a period again."""

from __future__ import annotations

from typing import Any

from consent_world import World
from sqlalchemy import insert, select
from staff_world import join
from test_statement_page import close_a_period

from weir.audit.tables import audit_entries
from weir.settlement.payment_tables import netting_rounds, payments
from weir.settlement.tables import reopenings
from weir.store.unit import Actor

CNAPS = {
    "scheme": "cnaps",
    "holder": "清镜科技",
    "account": "6222 0000 1111",
    "bank": "102100099996",
}


async def settle_by_hand(world: World, operator: str) -> tuple[str, str]:
    """A round in which the shop pays the bank, and its payment."""
    async with world.services.database.unit(Actor(operator, "setup")) as unit:
        round_, payment = unit.mint("rnd"), unit.mint("pay")
        await unit.connection.execute(
            insert(netting_rounds).values(
                id=round_, currency="CNY",
                positions={world.shop.id: -1_250, world.bank.id: 1_250},
                without_payments=3, without_minor=9_000, moved_minor=1_250,
                settled_at=unit.now, settled_by="setup",
            )
        )  # fmt: skip
        await unit.connection.execute(
            insert(payments).values(
                id=payment, round=round_, debtor=world.shop.id, creditor=world.bank.id,
                currency="CNY", amount_minor=1_250, status="instructed",
            )
        )  # fmt: skip
    return round_, payment


async def events(world: World, event: str) -> set[str]:
    """In whose chains something stands."""
    async with world.services.database.connect() as connection:
        found = await connection.execute(
            select(audit_entries.c.organisation).where(audit_entries.c.event == event)
        )
        return set(found.scalars())


async def test_whoever_served_a_line_gives_back_and_its_partner_reads_it(
    world: World, portal_app: Any
) -> None:
    operator = await world.organisation_of("operator")
    statement = await close_a_period(world, world.bank.id, operator)
    seller = await join(world, portal_app, world.bank.id, "member", "finance")
    listed = await seller.get(f"/statements/{statement}")
    opens = f"/desk/credits?statement={statement}&amp;line=1#give"
    assert opens in listed.text
    page = await seller.browser.http.get(f"/desk/credits?statement={statement}&line=1&lang=en")
    assert "gross CNY 12,223.11" in page.text
    refused = await seller.send(page, None, amount="12223.11", reason="We were down.")
    assert refused.status_code == 422
    assert 'value="12223.11"' in refused.text
    assert "no more than you have left" in refused.text
    done = await seller.send(page, None, amount="50.5", reason="We were down.")
    assert done.headers["location"] == "/desk/credits"
    shown = await seller.get("/desk/credits")
    assert ("CNY 50.50" in shown.text, "We were down." in shown.text) == (True, True)
    assert await events(world, "credit.granted") == {operator, world.bank.id, world.shop.id}
    other = await join(world, portal_app, world.shop.id, "partner", "auditor")
    assert f"credits?statement={statement}" not in (await other.get("/desk/credits")).text
    await other.browser.close()
    await seller.browser.close()


async def test_a_party_names_its_account_and_learns_what_is_wrong_with_it(
    world: World, portal_app: Any
) -> None:
    await world.organisation_of("operator")
    person = await join(world, portal_app, world.shop.id, "partner", "finance")
    assert "No account is named yet" in (await person.get("/desk/settlement")).text
    refused = await person.do("/desk/settlement", None, **{**CNAPS, "bank": "1021"})
    assert refused.status_code == 422
    assert 'value="6222 0000 1111"' in refused.text
    assert (await person.do("/desk/settlement", None, **CNAPS)).status_code == 303
    page = await person.get("/desk/settlement", "zh-Hans")
    assert "622200001111" in page.text
    assert await events(world, "settlement_account.set") == {world.shop.id}
    await person.browser.close()


async def test_a_round_is_its_parties_and_its_creditor_says_what_came(
    world: World, portal_app: Any
) -> None:
    operator = await world.organisation_of("operator")
    round_, payment = await settle_by_hand(world, operator)
    payer = await join(world, portal_app, world.shop.id, "partner", "finance")
    page = await payer.get(f"/desk/settlement/{round_}")
    assert "CNY \u221212.50" in page.text
    assert "Confirm it has come" not in page.text
    refused = await payer.send(page, "instructions")
    assert (refused.status_code, "settlement account" in refused.text) == (409, True)
    await payer.do("/desk/settlement", None, **CNAPS)
    paid = await join(world, portal_app, world.bank.id, "member", "finance")
    await paid.do("/desk/settlement", None, **{**CNAPS, "holder": "River Bank"})
    message = await payer.do(f"/desk/settlement/{round_}", "instructions")
    assert f'filename="{round_}.xml"' in message.headers["content-disposition"]
    assert payment in message.text
    assert (await paid.do(f"/desk/settlement/{round_}", "receive")).status_code == 303
    assert "has come" in (await paid.get(f"/desk/settlement/{round_}")).text
    assert await events(world, "payment.received") == {operator, world.bank.id, world.shop.id}
    await payer.browser.close()
    await paid.browser.close()


async def test_a_rate_is_recorded_and_read_by_everybody(world: World, portal_app: Any) -> None:
    operator = await world.organisation_of("operator")
    person = await join(world, portal_app, operator, "operator", "finance")
    given = {"base": "usd", "quote": "CNY", "rate": "7.1234", "source": "the central bank"}
    refused = await person.do("/desk/settlement/rates", None, **{**given, "rate": "seven"})
    assert (refused.status_code, 'value="seven"' in refused.text) == (422, True)
    assert (await person.do("/desk/settlement/rates", None, **given)).status_code == 303
    reader = await join(world, portal_app, world.shop.id, "partner", "auditor")
    page = await reader.get("/desk/settlement/rates")
    assert ("1 USD in CNY" in page.text, "Record a rate" in page.text) == (True, False)
    await person.browser.close()
    await reader.browser.close()


async def test_a_closed_period_is_opened_again_with_a_reason(world: World, portal_app: Any) -> None:
    operator = await world.organisation_of("operator")
    await close_a_period(world, world.bank.id, operator)
    person = await join(world, portal_app, operator, "operator", "finance")
    page = await person.browser.http.get("/desk/closings?period=2026-10&currency=CNY&lang=en")
    refused = await person.send(page, "reopen", period="2026-09", reason="A bank sent it late.")
    assert refused.status_code == 409
    assert "This period is not closed in this currency." in refused.text
    assert "A bank sent it late." in refused.text
    assert (await person.send(page, "reopen", reason="A bank sent it late.")).status_code == 303
    shown = await person.get("/desk/closings")
    assert ("counts no more" in shown.text, "A bank sent it late." in shown.text) == (True, True)
    assert await events(world, "period.reopened") == {operator, world.bank.id}
    async with world.services.database.connect() as connection:
        assert len((await connection.execute(select(reopenings))).all()) == 1
    await person.browser.close()
