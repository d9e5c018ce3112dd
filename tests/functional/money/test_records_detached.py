"""Erasing a customer from the records: nothing of ours leads there, and all still proves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from money_world import World
from sqlalchemy import select, text
from test_records_expire import bundle, name_of

from seals import KEYS, SECRET
from weir.audit.chain import AuditJournal
from weir.audit.tables import audit_entries
from weir.authorization.grants.erasure import detach_records
from weir.consent import integrity, transitions, withdrawals
from weir.consent.tables import consents
from weir.consent.types import ConsentRequest
from weir.identity import customers
from weir.kernel.clock import SystemClock
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S, ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.kernel.seals import receipt_fault
from weir.metering.counters import payment_intents
from weir.metering.counters.payment_intents import ClaimOutcome, Intent
from weir.metering.lake import receipts
from weir.metering.records.records import CallRecord
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.unit import UnitOfWork

ACCESS = ConsentRequest(
    type="urn:weir:account-access:v1",
    member="river-bank",
    purpose="Book-keeping",
    details={"type": "urn:weir:account-access:v1", "member": "river-bank"},
    expires_at=SystemClock().now() + timedelta(days=90),
)
PAYMENT = ConsentRequest(
    type="urn:weir:payment-initiation:v1",
    member="river-bank",
    purpose="Vegetables",
    details={"type": "urn:weir:payment-initiation:v1", "member": "river-bank"},
    expires_at=None,
)
PAID = {"method": "POST", "amount_minor": 8_850, "currency": "CNY", "status": 201}


class LaterClock(SystemClock):
    """When no token that was given before can be used any more."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=ACCESS_TOKEN_LIFETIME_S + 1)


@dataclass
class Story:
    """A customer who let a partner read once and pay once, and what the lake holds of it."""

    world: World
    later: Database
    customer: str
    access: str
    payment: str
    names: list[str]  # what the records call the two consents
    calls: list[CallRecord]
    stream: str

    @property
    def intent(self) -> Intent:
        return Intent(
            consent_id=self.payment,
            record_name=self.names[1],
            client_id=self.world.application,
            idempotency_key="key-1",
            request_sha256="aa",
            capability="cap_1",
            subscription="sub_1",
            member=self.world.bank,
            interaction_id=self.calls[1].interaction_id,
            amount_minor=8_850,
            currency="CNY",
            at=SystemClock().now(),
        )

    async def claim(self, intent: Intent) -> ClaimOutcome:
        async with self.world.database.unit(self.world.actor(self.world.partner)) as unit:
            return (await payment_intents.claim(unit.connection, intent)).outcome

    async def answered(self) -> None:
        async with self.world.database.unit(self.world.actor(self.world.partner)) as unit:
            await payment_intents.record_answer(
                unit.connection, self.world.application, "key-1", 201
            )

    async def end(self) -> None:
        async with self.world.database.unit(self.world.actor(self.world.bank)) as unit:
            await withdrawals.withdraw(unit, self.access, "member", "Asked to.")
            await transitions.mark_used(unit, self.payment)

    async def detach(self, member: str = "", database: Database | None = None) -> int:
        member = member or self.world.bank
        async with (database or self.later).unit(self.world.actor(member)) as unit:
            return await detach_records(unit, self.customer, member)

    async def traces(self) -> set[str]:
        """The tables with a row that holds a name of a consent's records, or a call's own name."""
        asked = [*self.names, *(call.interaction_id for call in self.calls)]
        async with self.world.database.connect() as connection:
            tables = await connection.execute(
                text("SELECT table_name FROM information_schema.tables WHERE table_schema='public'")
            )
            found = set()
            for name in tables.scalars().all():
                there = text(
                    f'SELECT EXISTS (SELECT FROM "{name}" AS each'
                    " WHERE to_jsonb(each)::text LIKE ANY(:asked))"
                )
                if await connection.scalar(there, {"asked": [f"%{each}%" for each in asked]}):
                    found.add(name)
        return found


async def consented(
    unit: UnitOfWork, world: World, customer: str, request: ConsentRequest
) -> tuple[str, str]:
    consent = unit.mint("cns")
    parties = {"application": world.application, "partner": world.partner, "member": world.bank}
    await transitions.open_request(unit, consent, request, **parties)
    made = await transitions.record_grant(
        unit, consent, request, customer=customer, accounts=["acc-1"]
    )
    assert made.record_name is not None
    return consent, made.record_name


@pytest.fixture
async def story(
    world: World, database_url: str, journal: AuditJournal, cache: Cache
) -> AsyncIterator[Story]:
    async with world.database.unit(world.actor(world.bank)) as unit:
        enrolled = await customers.enrol(
            unit, member=world.bank, customer_ref="RB-000001", display_name="Li Hua"
        )
        access = await consented(unit, world, enrolled.customer.id, ACCESS)
        payment = await consented(unit, world, enrolled.customer.id, PAYMENT)
    calls = [
        world.record(call=1, consent=access[1]),
        world.record(call=2, consent=payment[1], **PAID),
    ]
    stream = world.write(calls)
    await world.ingest()
    names, ids = [access[1], payment[1]], (access[0], payment[0])
    later = Database(database_url, clock=LaterClock(), journal=journal, cache=cache)
    yield Story(world, later, enrolled.customer.id, *ids, names, calls, stream)
    await later.close()


async def test_once_erased_nothing_leads_from_a_record_to_the_customer_and_all_still_proves(
    story: Story, journal: AuditJournal, tmp_path: Path
) -> None:
    world = story.world
    assert await story.claim(story.intent) is ClaimOutcome.NEW
    await story.answered()
    await story.end()
    assert await story.traces() == {"consents", "intents"}
    assert await story.detach() == 2
    assert await story.traces() == set()
    audit = await bundle(world, tmp_path / "bundle")
    assert (audit.findings, audit.records) == ([], 2)
    async with world.database.connect() as connection:
        for call, name in zip(story.calls, story.names, strict=True):
            receipt = name_of(world, story.stream, call.call or 0, call)
            found = await receipts.find(connection, world.lake, SECRET, receipt, lambda _: True)
            assert receipt_fault(found, KEYS) is None
            assert f'"consent":"{name}"' in found.line
        assert await journal.verify(connection) == []
        assert await integrity.check_rows(connection) == []
        events = select(audit_entries.c.detail).where(
            audit_entries.c.event == "customer.records_detached",
            audit_entries.c.subject == story.customer,
        )
        assert list((await connection.execute(events)).scalars()) == [{"consents": 2}]
    assert await story.detach() == 0


async def test_what_a_payment_used_up_stays_used_up(story: Story) -> None:
    await story.claim(story.intent)
    await story.answered()
    await story.end()
    await story.detach()
    again = replace(story.intent, idempotency_key="key-2")
    assert await story.claim(again) is ClaimOutcome.CONSENT_USED
    another = replace(story.intent, request_sha256="bb")
    assert await story.claim(another) is ClaimOutcome.KEY_REUSED


async def test_it_waits_until_no_call_can_be_made_and_no_payment_is_open(story: Story) -> None:
    async def refused(outcome: object, member: str = "", database: Database | None = None) -> None:
        with pytest.raises(Refusal) as refusal:
            await story.detach(member, database)
        assert refusal.value.outcome is outcome

    await refused(ILLEGAL_STATE)
    await refused(NOT_FOUND, story.world.insurer)
    await story.claim(story.intent)
    await story.end()
    await refused(ILLEGAL_STATE, database=story.world.database)  # a token may still be used
    await refused(ILLEGAL_STATE)  # nobody knows yet what became of the payment
    async with story.world.database.connect() as connection:
        names = await connection.execute(select(consents.c.record_name).order_by(consents.c.id))
        assert sorted(names.scalars()) == sorted(story.names)
    await story.answered()
    assert await story.detach() == 2
