"""After a closing: netting rounds, payments, disputes, credits; the books end at nothing owed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from money_world import World, mint
from sqlalchemy import insert, select
from test_closing import agree, balances, bring, close, now_us, refused

from weir.client.pricing import per_call
from weir.kernel.declares import CONFLICT, FORBIDDEN, ILLEGAL_STATE, INVALID_INPUT, NOT_FOUND
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.settlement.closing.requests import ClosingJob
from weir.settlement.documents import to_document
from weir.settlement.payment import pain001, rounds
from weir.settlement.payment.rounds import Round
from weir.settlement.payment_tables import obligations
from weir.settlement.statements import credits, disputes, line_lookup, statements
from weir.settlement.statements.obligations import LineAt, line_of
from weir.settlement.statements.verification import verify
from weir.shelf.tables import plans, products
from weir.store.unit import UnitOfWork


async def closed_month(world: World, calls: int = 1_000) -> ClosingJob:
    """1,000 calls at 0.015: 1500 fen, of which 1050 are the bank's, 375 ours, 75 a rebate."""
    await agree(world)
    at_us = now_us(world)
    await bring(world, *(world.record(at_us=at_us + n) for n in range(calls)))
    return await close(world, world.period)


async def doing(world: World, organisation: str, work: Any) -> Any:
    async with world.database.unit(world.actor(organisation)) as unit:
        return await work(unit)


async def settle(world: World) -> Round:
    settled: Round = await doing(world, world.operator, lambda unit: rounds.settle(unit, "CNY"))
    return settled


async def line(unit: UnitOfWork, world: World, closed: ClosingJob, party: str) -> LineAt:
    return await line_of(unit.connection, closed.statements[party], 1, party)


async def pay(world: World, settled: Round) -> None:
    for payment in settled.payments:
        await doing(world, payment.creditor, lambda unit, p=payment: rounds.receive(unit, p.id))


async def test_a_round_turns_debts_into_payments_and_payments_clear_the_books(
    world: World,
) -> None:
    await closed_month(world)
    settled = await settle(world)
    assert settled.positions == {world.partner: -1_425, world.bank: 1_050, world.operator: 375}
    assert (settled.without_payments, settled.without_minor, settled.moved_minor) == (2, 1425, 1425)
    assert await balances(world) == {
        f"payable:{world.bank}": [Money(-1_050, "CNY")],
        f"payable:{world.partner}": [Money(0, "CNY")],
        f"receivable:{world.partner}": [Money(1_425, "CNY")],
        f"revenue:{world.operator}": [Money(-375, "CNY")],
    }
    await pay(world, settled)
    left = {name: held[0].amount_minor for name, held in (await balances(world)).items()}
    assert left == {
        f"cash:{world.operator}": 375,
        f"payable:{world.bank}": 0,
        f"payable:{world.partner}": 0,
        f"receivable:{world.partner}": 0,
        f"revenue:{world.operator}": -375,
    }


async def test_what_is_settled_is_settled_once_however_many_settle(world: World) -> None:
    await closed_month(world)
    outcomes = await asyncio.gather(*(settle(world) for _ in range(4)), return_exceptions=True)
    made = [each for each in outcomes if isinstance(each, Round)]
    others = [each for each in outcomes if isinstance(each, Refusal)]
    assert (len(made), len(others)) == (1, 3)
    assert {each.outcome for each in others} == {ILLEGAL_STATE}


async def test_a_payment_said_to_have_come_twice_is_booked_once(world: World) -> None:
    await closed_month(world)
    settled = await settle(world)
    await pay(world, settled)
    before = await balances(world)
    await pay(world, settled)
    assert await balances(world) == before


async def test_only_its_creditor_and_the_operator_know_that_a_payment_came(world: World) -> None:
    await closed_month(world)
    settled = await settle(world)
    payment = next(each for each in settled.payments if each.creditor == world.bank)
    for stranger in (world.partner, world.insurer):
        await refused(
            NOT_FOUND, doing(world, stranger, lambda unit: rounds.receive(unit, payment.id))
        )
    await refused(FORBIDDEN, doing(world, world.bank, lambda unit: rounds.settle(unit, "CNY")))


async def test_a_disputed_line_waits_for_its_decision(world: World) -> None:
    closed = await closed_month(world)

    async def dispute(unit: UnitOfWork) -> disputes.Dispute:
        at = await line(unit, world, closed, world.partner)
        return await disputes.open_dispute(unit, at, "We made 900 calls.", "our own log")

    opened = await doing(world, world.partner, dispute)
    for reader in (world.partner, world.operator):
        async with world.database.connect() as connection:
            found = await line_lookup.locate_lines(connection, [opened], reader, world.operator)
            (own,) = await statements.of_party(connection, reader)
        where = found[opened.id]
        assert (where.statement, where.line, where.gross_minor) == (own.id, 1, 1_500)
        assert (where.period, where.partner) == (own.period, world.partner)
    async with world.database.connect() as connection:
        for owner, reader, seen in (
            (world.partner, world.partner, {1: opened}),
            (world.partner, world.operator, {1: opened}),
            (world.bank, world.operator, {1: opened}),
            (world.bank, world.bank, {}),
        ):
            held = await statements.fetch(connection, closed.statements[owner], reader)
            told = await disputes.of_statement(connection, held, reader, world.operator)
            assert told == seen, (owner, reader)
        by_status = {
            status: await disputes.of_party(
                connection, world.partner, world.operator, status=status
            )
            for status in ("open", "upheld", None)
        }
    assert by_status == {"open": [opened], "upheld": [], None: [opened]}
    await refused(CONFLICT, doing(world, world.bank, dispute_of(world, closed, world.bank)))
    await refused(ILLEGAL_STATE, settle(world))
    await refused(FORBIDDEN, doing(world, world.partner, decision(opened.id, 0)))
    decided = await doing(world, world.operator, decision(opened.id, 300))
    assert (decided.status, decided.credit is not None) == ("upheld", True)
    settled = await settle(world)
    assert settled.positions == {
        world.partner: -(1_425 - 285),
        world.bank: 1_050 - 210,
        world.operator: 375 - 75,
    }
    await refused(ILLEGAL_STATE, doing(world, world.operator, decision(opened.id, 1)))


def decision(dispute: str, amount_minor: int) -> Any:
    return lambda unit: disputes.resolve(
        unit, dispute, resolution="We counted again.", amount_minor=amount_minor
    )


def dispute_of(world: World, closed: ClosingJob, party: str) -> Any:
    async def work(unit: UnitOfWork) -> disputes.Dispute:
        at = await line(unit, world, closed, party)
        return await disputes.open_dispute(unit, at, "Wrong.", "")

    return work


async def test_a_rejected_dispute_lets_the_line_go(world: World) -> None:
    closed = await closed_month(world)
    opened = await doing(world, world.partner, dispute_of(world, closed, world.partner))
    decided = await doing(world, world.operator, decision(opened.id, 0))
    assert (decided.status, decided.credit) == ("rejected", None)
    await refused(CONFLICT, doing(world, world.partner, dispute_of(world, closed, world.partner)))
    assert (await settle(world)).positions[world.bank] == 1_050


async def test_a_credit_after_the_round_is_paid_back_in_the_next(world: World) -> None:
    closed = await closed_month(world)
    await pay(world, await settle(world))

    async def credit(unit: UnitOfWork) -> credits.Credit:
        at = await line(unit, world, closed, world.bank)
        return await credits.grant(unit, at, 1_050, "The service was down.")

    await doing(world, world.bank, credit)
    second = await settle(world)
    assert second.positions == {world.partner: 1_050, world.bank: -1_050}
    await pay(world, second)
    left = {name: held[0].amount_minor for name, held in (await balances(world)).items()}
    assert {name for name, minor in left.items() if minor} == {
        f"cash:{world.operator}",
        f"revenue:{world.operator}",
    }
    await refused(INVALID_INPUT, doing(world, world.bank, credit))


async def test_a_credit_is_the_sellers_to_give(world: World) -> None:
    closed = await closed_month(world)

    async def credit(unit: UnitOfWork) -> credits.Credit:
        at = await line(unit, world, closed, world.partner)
        return await credits.grant(unit, at, 1, "A present to myself.")

    await refused(FORBIDDEN, doing(world, world.partner, credit))


async def test_a_credit_is_seen_by_whom_it_concerns_and_the_operator(world: World) -> None:
    closed = await closed_month(world)

    async def credit(unit: UnitOfWork) -> credits.Credit:
        at = await line(unit, world, closed, world.bank)
        return await credits.grant(unit, at, 50, "The service was down.")

    first = await doing(world, world.bank, credit)
    second = await doing(world, world.bank, credit)
    async with world.database.connect() as connection:
        for reader in (world.bank, world.partner, world.operator):
            found = await credits.of_party(connection, reader, world.operator)
            assert found == [second, first]
            place = (await line_lookup.locate_lines(connection, found, reader, world.operator))[
                first.id
            ]
            assert (place.statement, place.line) == (closed.statements[reader], 1)
            older = await credits.of_party(connection, reader, world.operator, second.id)
            assert older == [first]
        stranger = mint("org")
        assert await credits.of_party(connection, stranger, world.operator) == []


async def test_a_statement_of_others_names_no_line(world: World) -> None:
    closed = await closed_month(world)
    async with world.database.connect() as connection:
        statement = closed.statements[world.bank]
        await refused(NOT_FOUND, line_of(connection, statement, 1, world.partner))
        for number in (0, 2):
            await refused(INVALID_INPUT, line_of(connection, statement, number, world.bank))


async def test_the_debts_of_a_closing_are_the_shares_of_its_lines(world: World) -> None:
    await closed_month(world)
    async with world.database.connect() as connection:
        rows = (await connection.execute(select(obligations))).all()
    assert {(row.debtor, row.creditor): row.amount_minor for row in rows} == {
        (world.partner, world.bank): 1_050,
        (world.partner, world.operator): 375,
        (world.partner, world.partner): 75,
    }


async def test_a_message_for_the_bank_never_changes_once_issued(world: World) -> None:
    await closed_month(world)
    settled = await settle(world)
    ask = lambda unit: pain001.issue(unit, settled, world.partner)  # noqa: E731
    await refused(CONFLICT, doing(world, world.partner, ask))
    for party in (world.partner, world.bank, world.operator):
        account = pain001.read_account("cnaps", f"Holder {party[-4:]}", "6" * 16, "1" * 12)
        await doing(world, party, lambda unit, p=party, a=account: pain001.set_account(unit, p, a))
    first = await doing(world, world.partner, ask)
    moved = pain001.read_account("cnaps", "Mallory", "9" * 16, "2" * 12)
    await doing(world, world.bank, lambda unit: pain001.set_account(unit, world.bank, moved))
    assert await doing(world, world.partner, ask) == first
    assert b"Mallory" not in first
    with pytest.raises(Refusal):
        await doing(world, world.bank, lambda unit: pain001.issue(unit, settled, world.bank))


async def test_what_flows_both_ways_is_netted_in_one_book(world: World) -> None:
    """The bank sells accounts to the partner and calls a service that the partner brings in."""
    service, plan = mint("prd"), mint("pln")
    async with world.database.unit(world.actor(world.partner)) as unit:
        brought = {"id": service, "owner": world.partner, "owner_slug": "market", "slug": "maps"}
        like = select(products).where(products.c.id == world.accounts)
        row = dict((await unit.connection.execute(like)).one()._mapping)
        given = row | brought | {"direction": "bring-in"}
        await unit.connection.execute(insert(products), given)
        like = select(plans).where(plans.c.id == world.accounts_plan)
        row = dict((await unit.connection.execute(like)).one()._mapping)
        given = row | {"id": plan, "product": service, "pricing": per_call("0.05")}
        await unit.connection.execute(insert(plans), given)
    await agree(world)
    brought_in = {"organisation": world.bank, "product": service, "plan": plan}
    at_us = now_us(world)
    await bring(
        world,
        *(world.record(at_us=at_us + n) for n in range(1_000)),
        *(world.record(at_us=at_us, **brought_in, member=world.partner) for _ in range(200)),
    )
    closed = await close(world, world.period)
    async with world.database.connect() as connection:
        for party, owes, is_owed in ((world.bank, 1_000, 1_050), (world.partner, 1_500, 1_075)):
            held = await statements.fetch(connection, closed.statements[party], party)
            assert (held.owes_minor, held.is_owed_minor) == (owes, is_owed)
            assert verify(to_document(held), world.lake).difference is None
    settled = await settle(world)
    assert settled.positions == {world.partner: -425, world.bank: 50, world.operator: 375}
    assert (settled.without_payments, len(settled.payments)) == (3, 2)
    await pay(world, settled)
    for account, (money,) in (await balances(world)).items():
        if account.split(":")[0] in ("receivable", "payable"):
            assert money == Money(0, "CNY"), account


async def test_what_was_received_is_not_handed_to_a_bank_again(world: World) -> None:
    await closed_month(world)
    settled = await settle(world)
    for party in (world.partner, world.bank, world.operator):
        account = pain001.read_account("cnaps", "Holder", "6" * 16, "1" * 12)
        await doing(world, party, lambda unit, p=party, a=account: pain001.set_account(unit, p, a))
    await pay(world, settled)

    async def late(unit: UnitOfWork) -> bytes:
        paid = await rounds.fetch(unit.connection, settled.id)
        return await pain001.issue(unit, paid, world.partner)

    await refused(NOT_FOUND, doing(world, world.partner, late))
