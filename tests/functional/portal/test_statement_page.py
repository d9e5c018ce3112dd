"""A closed statement as its party reads and prints it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from consent_world import Browser, World
from sqlalchemy import insert, select

from weir.identity import links
from weir.kernel import identifiers
from weir.settlement.documents import (
    Charge,
    Inputs,
    Line,
    LineShare,
    PartyShare,
    Records,
    Statement,
    sealed,
    to_document,
)
from weir.settlement.payment_tables import obligations as debts
from weir.settlement.statements import obligations
from weir.settlement.tables import closings, statements
from weir.shelf.tables import plans
from weir.store.unit import Actor

SINCE, UNTIL = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


async def close_a_period(world: World, party: str, operator: str | None = None) -> str:
    """A statement over one line, as settlement stores it; where the operator is named, its own too,
    and what the line's partner owes."""
    async with world.services.database.connect() as connection:
        plan = (await connection.execute(select(plans.c.id, plans.c.product))).first()
    assert plan is not None
    named, operator = operator, operator or identifiers.mint("org", 0, bytes(10))
    shares = [
        LineShare(world.bank.id, "member", 1_100_080),
        LineShare(operator, "operator", 122_231),
    ]
    line = Line(
        product=plan.product,
        plan=plan.id,
        partner=world.shop.id,
        member=world.bank.id,
        agreement=None,
        calls=244_571,
        billable_calls=244_462,
        value_calls=0,
        value_units="0",
        by_utc_hour=[],
        charges=[Charge(0, "per_call", 0, "244462", "0.05", "12223.1")],
        gross_minor=1_222_311,
        tax_minor=0,
        shares=shares,
    )
    owes = 1_222_311 if party == world.shop.id else 0
    is_owed = 0 if party == world.shop.id else 1_100_080
    statement = sealed(
        Statement(
            statement=identifiers.mint("stm", 0, bytes(range(10))),
            form=1,
            party=party,
            period="2026-10",
            since=SINCE.isoformat(),
            until=UNTIL.isoformat(),
            currency="CNY",
            supplement=0,
            closed_at=datetime(2026, 11, 2, 1, 30, tzinfo=UTC).isoformat(),
            lines=[line],
            gross_minor=1_222_311,
            tax_minor=0,
            shares=[PartyShare(share.party, share.amount_minor) for share in shares],
            sum_of_shares_minor=1_222_311,
            owes_minor=owes,
            is_owed_minor=is_owed,
            balance_minor=is_owed - owes,
            records=Records(segments=[], records=244_571, digest="0" * 64),
            inputs=Inputs(operator, [], [], [], []),
            sha256="",
        )
    )
    stored = [statement]
    if named is not None:
        whole = msgspec.structs.replace(
            statement,
            party=named,
            statement=identifiers.mint("stm", 1, bytes(range(10))),
            sha256="",
        )
        stored.append(sealed(whole))
    await _store(world, stored)
    if named is not None:
        await _owe(world, shares)
    return statement.statement


async def _owe(world: World, shares: list[LineShare]) -> None:
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        parts = [(share.party, share.amount_minor) for share in shares]
        owed = obligations.rows_of(unit, "per_1", 1, world.shop.id, parts, "CNY")
        await unit.connection.execute(insert(debts), owed)


async def _store(world: World, stored: list[Statement]) -> None:
    statement = stored[0]
    about: dict[str, Any] = {
        "period": statement.period,
        "currency": statement.currency,
        "supplement": 0,
        "closed_at": UNTIL,
    }
    async with world.services.database.engine.begin() as connection:
        await connection.execute(
            closings.insert().values(
                id="per_1",
                since=SINCE,
                until=UNTIL,
                records=244_571,
                records_digest="0" * 64,
                closed_by="usr_1",
                **about,
            )
        )
        for each in stored:
            await connection.execute(
                statements.insert().values(
                    id=each.statement,
                    closing="per_1",
                    party=each.party,
                    gross_minor=each.gross_minor,
                    balance_minor=each.balance_minor,
                    sha256=each.sha256,
                    document=to_document(each),
                    **about,
                )
            )


async def staff_of(world: World, organisation: str, browser: Browser, name: str) -> None:
    async with world.services.database.unit(Actor(organisation, "setup")) as unit:
        secret = await links.create_link(
            unit, "partner", subject=organisation, organisation=organisation, role="finance"
        )
    await browser.set_up(await browser.claim(secret, name))


async def test_a_party_reads_its_statement_with_a_true_minus_sign(
    world: World, portal_browser: Browser
) -> None:
    await world.organisation_of("operator")
    statement = await close_a_period(world, world.shop.id)
    assert (await portal_browser.get(f"/statements/{statement}")).status_code == 303
    await staff_of(world, world.shop.id, portal_browser, "chen")
    listed = await portal_browser.get("/statements")
    assert statement in listed.text
    page = await portal_browser.get(f"/statements/{statement}")
    assert "CNY \u221212,223.11" in page.text
    assert "244,571" in page.text
    assert "River Bank" in page.text
    assert f"/desk/disputes?statement={statement}&amp;line=1#open" in page.text
    form = await portal_browser.get(f"/desk/disputes?statement={statement}&line=1")
    assert f'value="{statement}"' in form.text


async def test_another_partys_statement_does_not_exist(
    world: World, portal_browser: Browser
) -> None:
    statement = await close_a_period(world, world.bank.id)
    await staff_of(world, world.shop.id, portal_browser, "chen")
    assert (await portal_browser.get(f"/statements/{statement}")).status_code == 404
    assert statement not in (await portal_browser.get("/statements")).text
