"""Intents: a consent pays once, a key means one request, however many ask at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import select

from weir.metering.counters.payment_intents import ClaimOutcome, Intent, claim, record_answer
from weir.metering.tables import intents
from weir.store.database import Database
from weir.store.unit import Actor

GATEWAY = Actor("", "prc_of_the_test")
INTENT = Intent(
    consent_id="cns_1",
    record_name="rec_1",
    client_id="app_1",
    idempotency_key="key-1",
    request_sha256="aa",
    capability="cap_1",
    subscription="sub_1",
    member="org_1",
    interaction_id="first",
    amount_minor=1230,
    currency="CNY",
    at=datetime(2026, 11, 5, tzinfo=UTC),
)


async def claimed(database: Database, intent: Intent) -> ClaimOutcome:
    async with database.unit(GATEWAY) as unit:
        return (await claim(unit.connection, intent)).outcome


async def test_a_consent_is_claimed_once_and_retried_only_by_the_same_request(
    database: Database,
) -> None:
    assert await claimed(database, INTENT) is ClaimOutcome.NEW
    assert await claimed(database, INTENT) is ClaimOutcome.RETRY_SAME
    changed = replace(INTENT, request_sha256="bb")
    assert await claimed(database, changed) is ClaimOutcome.KEY_REUSED
    again = replace(INTENT, idempotency_key="key-2")
    assert await claimed(database, again) is ClaimOutcome.CONSENT_USED
    other = replace(INTENT, consent_id="cns_2")
    assert await claimed(database, other) is ClaimOutcome.KEY_REUSED
    assert await claimed(database, replace(other, client_id="app_2")) is ClaimOutcome.NEW


async def test_of_many_claims_at_once_one_is_new(database: Database) -> None:
    rivals = [replace(INTENT, idempotency_key=f"key-{n % 3}") for n in range(15)]
    outcomes = await asyncio.gather(*(claimed(database, each) for each in rivals))
    counts = Counter(outcomes)
    assert counts[ClaimOutcome.NEW] == 1
    assert counts[ClaimOutcome.RETRY_SAME] == 4
    assert counts[ClaimOutcome.CONSENT_USED] == 10


async def test_a_retry_moves_the_time_before_reconciliation(database: Database) -> None:
    await claimed(database, INTENT)
    later = replace(INTENT, at=INTENT.at + timedelta(minutes=1), interaction_id=str(uuid4()))
    assert await claimed(database, later) is ClaimOutcome.RETRY_SAME
    async with database.connect() as connection:
        row = (await connection.execute(select(intents))).one()
    assert (row.at, row.interaction_id, row.state) == (later.at, later.interaction_id, "forwarded")


async def test_only_a_success_closes_an_intent(database: Database) -> None:
    await claimed(database, INTENT)
    for status, state in ((500, "forwarded"), (409, "forwarded"), (201, "answered")):
        async with database.unit(GATEWAY) as unit:
            await record_answer(unit.connection, INTENT.client_id, INTENT.idempotency_key, status)
        async with database.connect() as connection:
            assert await connection.scalar(select(intents.c.state)) == state
    assert await claimed(database, INTENT) is ClaimOutcome.RETRY_SAME
