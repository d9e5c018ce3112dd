"""The stored consent: every move, every refusal to move, and what the audit chain proves of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from consent_world import World
from sqlalchemy import delete, insert, select, text, update

from weir.audit.chain import AuditJournal
from weir.audit.tables import audit_entries
from weir.consent import consents as stored_consents
from weir.consent import integrity, transitions
from weir.consent.states import MOVES, Move, State
from weir.consent.tables import consents
from weir.consent.types import ConsentRequest
from weir.consent.withdrawals import By, withdraw, withdraw_and_confirm
from weir.identity import customers, people
from weir.kernel import identifiers
from weir.kernel.declares import ILLEGAL_STATE, INVALID_INPUT, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.keys.vault import PLATFORM
from weir.metering.counters import payment_intents
from weir.partners import organisations
from weir.store.unit import Actor, UnitOfWork

PAYMENT = ConsentRequest(
    type="urn:weir:payment-initiation:v1",
    member="river-bank",
    purpose="Vegetables",
    details={"type": "urn:weir:payment-initiation:v1", "purpose": "Vegetables"},
    expires_at=None,
)


class Case:
    """One customer and one consent, brought into a state by its own moves."""

    def __init__(self, world: World, customer: str, person: str) -> None:
        self.world, self.customer, self.person = world, customer, person
        self.consent = identifiers.mint("cns", 0, bytes(range(10)))

    @property
    def database(self) -> Any:
        return self.world.services.database

    async def act(self, work: Callable[[UnitOfWork], Awaitable[Any]], actor: Actor) -> Any:
        async with self.database.unit(actor) as unit:
            return await work(unit)

    async def make(self, move: Move) -> Any:
        by_customer = Actor(self.world.bank.id, self.person)
        return await self.act(lambda unit: self._move(unit, move), by_customer)

    async def _move(self, unit: UnitOfWork, move: Move) -> Any:
        if move is Move.GRANT:
            return await transitions.record_grant(
                unit, self.consent, PAYMENT, customer=self.customer, accounts=["acc-1"]
            )
        if move is Move.REJECT:
            return await transitions.reject(unit, self.consent, self.customer)
        if move is Move.USE:
            return await transitions.mark_used(unit, self.consent)
        if move is Move.WITHDRAW:
            return await withdraw(unit, self.consent, "customer")
        if move is Move.REPLACE:
            return await transitions.replace(unit, self.consent)
        return await transitions.move(unit, self.consent, Move.EXPIRE, ended_at=unit.now)

    async def open(self) -> None:
        async with self.database.unit(PLATFORM) as unit:
            await transitions.open_request(
                unit,
                self.consent,
                PAYMENT,
                application=self.world.client.id,
                partner=self.world.shop.id,
                member=self.world.bank.id,
            )

    async def row(self) -> Any:
        async with self.database.connect() as connection:
            found = await connection.execute(select(consents).where(consents.c.id == self.consent))
            return found.one()

    async def events(self) -> list[str]:
        async with self.database.connect() as connection:
            found = await connection.execute(
                select(audit_entries.c.event)
                .where(audit_entries.c.subject == self.consent)
                .order_by(audit_entries.c.number)
            )
            return list(found.scalars())


@pytest.fixture
async def case(world: World) -> Case:
    enrolment = await world.enrolment("RB-000001")
    async with world.services.database.unit(PLATFORM) as unit:
        person = await people.create(
            unit,
            name="lihua",
            display_name="Li Hua",
            passphrase_hash="-",
            kind="customer",
            organisation=None,
            language="en",
        )
        await customers.link_person(unit, enrolment.customer.id, person.id)
    return Case(world, enrolment.customer.id, person.id)


PATHS: dict[State, list[Move]] = {
    State.AWAITING: [],
    State.GRANTED: [Move.GRANT],
    State.USED: [Move.GRANT, Move.USE],
    State.REJECTED: [Move.REJECT],
    State.WITHDRAWN: [Move.GRANT, Move.WITHDRAW],
    State.EXPIRED: [Move.GRANT, Move.EXPIRE],
    State.REPLACED: [Move.GRANT, Move.REPLACE],
}


async def test_an_illegal_move_is_refused_and_changes_nothing(case: Case) -> None:
    for state, path in PATHS.items():
        case.consent = identifiers.mint("cns", 0, state.value.encode().ljust(10))
        await case.open()
        for move in path:
            await case.make(move)
        before, events = await case.row(), await case.events()
        assert before.state == state
        for move in Move:
            # Who has granted nothing is nobody's customer yet, so a withdrawal finds nothing.
            if (state, move) not in MOVES:
                with pytest.raises(Refusal) as refused:
                    await case.make(move)
                assert refused.value.outcome in (ILLEGAL_STATE, NOT_FOUND), (state, move)
                assert await case.row() == before
                assert await case.events() == events


async def test_every_move_is_audited_in_its_own_transaction(
    case: Case, journal: AuditJournal
) -> None:
    await case.open()
    await case.open()  # a page loaded again asks nothing new
    for move in (Move.GRANT, Move.USE, Move.WITHDRAW):
        await case.make(move)
    assert await case.events() == [
        "consent.requested",
        "consent.granted",
        "consent.used",
        "consent.withdrawn",
    ]
    async with case.database.connect() as connection:
        assert await journal.verify(connection) == []
        assert await integrity.check_rows(connection) == []


async def test_a_row_edited_added_or_deleted_by_sql_is_found_and_named(case: Case) -> None:
    await case.open()
    await case.make(Move.GRANT)
    row = dict((await case.row())._mapping)
    forgeries = [
        (update(consents).values(customer=None), "not as it was last written"),
        (update(consents).values(expires_at=row["expires_at"] + timedelta(days=1)), "not as it"),
        (update(consents).values(state="granted", reason="x"), "not as it was last written"),
        (
            insert(consents).values(row | {"id": "cns_forged", "record_name": None}),
            "no audit entry",
        ),
        (delete(consents).where(consents.c.id == case.consent), "is gone"),
    ]
    for forgery, why in forgeries:
        async with case.database.engine.connect() as connection:
            await connection.execute(forgery)
            (finding,) = await integrity.check_rows(connection)
            assert why in finding.why
            assert finding.consent in (case.consent, "cns_forged")
            await connection.rollback()


async def test_each_party_withdraws_what_is_its_own_and_nothing_else(case: Case) -> None:
    world = case.world
    async with world.services.database.unit(PLATFORM) as unit:
        operator = await unit.connection.execute(
            text(
                "INSERT INTO organisations (id, kind, slug, name_en, name_zh, status,"
                " admitted_at, admitted_by, changed_at) SELECT 'org_operator', 'operator',"
                " 'alliance', 'A', '联盟', 'active', now(), 'x', now() RETURNING id"
            )
        )
        assert await organisations.find(unit.connection, operator.scalar_one()) is not None
    refusals: list[tuple[By, Actor]] = [
        ("customer", Actor(world.bank.id, "usr_other")),
        ("member", Actor(world.other_bank.id, "usr_staff")),
        ("operator", Actor(world.bank.id, "usr_staff")),
        ("partner", Actor(world.shop.id, world.other_client.id)),
        ("platform", Actor(world.shop.id, "usr_staff")),
    ]
    allowed: list[tuple[By, Actor]] = [
        ("customer", Actor(world.bank.id, case.person)),
        ("member", Actor(world.bank.id, "usr_staff")),
        ("operator", Actor("org_operator", "usr_staff")),
        ("partner", Actor(world.shop.id, world.client.id)),
        ("platform", PLATFORM),
    ]
    for number, (by, actor) in enumerate(allowed):
        case.consent = identifiers.mint("cns", number, bytes(10))
        await case.open()
        await case.make(Move.GRANT)
        for wrong_by, wrong_actor in refusals:
            with pytest.raises(Refusal) as refused:
                await withdraw_and_confirm(case.database, wrong_actor, case.consent, wrong_by)
            assert refused.value.outcome is NOT_FOUND
        done = await withdraw_and_confirm(case.database, actor, case.consent, by, "enough")
        assert done.acknowledged_at is not None
        assert done.withdrawal_ms is not None
        assert (await case.row()).ended_by == by


async def test_a_payment_is_granted_for_exactly_one_account(case: Case) -> None:
    await case.open()
    for accounts in ([], ["acc-1", "acc-2"]):
        with pytest.raises(Refusal) as refused:
            async with case.database.unit(PLATFORM) as unit:
                await transitions.record_grant(
                    unit, case.consent, PAYMENT, customer=case.customer, accounts=accounts
                )
        assert refused.value.outcome is INVALID_INPUT


async def test_what_is_past_its_date_is_expired_before_and_after_the_sweep(case: Case) -> None:
    await case.open()
    await case.make(Move.GRANT)
    case.world.clock.ahead = timedelta(hours=2)
    with pytest.raises(Refusal) as refused:
        await case.make(Move.WITHDRAW)
    assert refused.value.outcome is ILLEGAL_STATE
    async with case.database.unit(PLATFORM) as unit:
        assert await transitions.expire_due(unit) == 1
        assert await transitions.expire_due(unit) == 0
    assert (await case.row()).state == "expired"
    assert (await case.events())[-1] == "consent.expired"


async def test_a_payment_a_gateway_claimed_is_written_down_as_used(case: Case) -> None:
    await case.open()
    await case.make(Move.GRANT)
    async with case.database.connect() as connection:
        assert await stored_consents.unused_payments(connection) == [case.consent]
        assert await payment_intents.find_claimed(connection, [case.consent]) == set()
    intent = payment_intents.Intent(
        consent_id=case.consent,
        record_name="rec_of_the_test",
        client_id=case.world.client.id,
        idempotency_key="k1",
        request_sha256="0" * 64,
        capability="cap",
        subscription="sub",
        member=case.world.bank.id,
        interaction_id="i",
        amount_minor=8850,
        currency="CNY",
        at=case.world.clock.now(),
    )
    async with case.database.engine.begin() as connection:
        made = await payment_intents.claim(connection, intent)
        assert made.outcome is payment_intents.ClaimOutcome.NEW
        used = await payment_intents.find_claimed(connection, [case.consent, "cns_other"])
    for expected in (1, 0):
        async with case.database.unit(PLATFORM) as unit:
            assert await transitions.mark_all_used(unit, used) == expected
    assert (await case.row()).state == "used"
    async with case.database.connect() as connection:
        assert await stored_consents.unused_payments(connection) == []


async def test_readers_see_their_own_and_nobody_elses(case: Case) -> None:
    await case.open()
    await case.make(Move.GRANT)
    world = case.world
    async with case.database.connect() as connection:
        assert await stored_consents.find_of_application(connection, case.consent, world.client.id)
        assert not await stored_consents.find_of_application(
            connection, case.consent, world.other_client.id
        )
        assert await stored_consents.find_of_person(connection, case.consent, case.person)
        assert not await stored_consents.find_of_person(connection, case.consent, "usr_other")
        assert len(await stored_consents.of_member(connection, world.bank.id)) == 1
        assert not await stored_consents.of_member(connection, world.other_bank.id)
        assert len(await stored_consents.of_application(connection, world.client.id)) == 1
        assert not await stored_consents.of_application(connection, world.other_client.id)
