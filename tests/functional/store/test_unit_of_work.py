"""A unit of work commits everything or nothing, numbers changes in order, and remembers answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from waits import until
from weir.audit.chain import AuditJournal
from weir.kernel.outcomes import Refusal
from weir.keys.published import SigningKeyDocument
from weir.store import processes
from weir.store.cache import Cache
from weir.store.change_expiry import expire_changes
from weir.store.database import Database
from weir.store.declares import IDEMPOTENCY_KEY_REUSED, REMOVAL_KEPT_S
from weir.store.schema import changes
from weir.store.unit import Actor, Change, Idempotency

ACTOR = Actor("org_a", "app_a")


def a_change(key: str) -> Change:
    return Change("signing_key", key, SigningKeyDocument(key, "ES256", {"kty": "EC"}))


async def test_changes_become_visible_in_the_order_of_their_numbers(database: Database) -> None:
    async def write(i: int) -> int:
        async with database.unit(ACTOR) as unit:
            unit.publish(a_change(f"key_{i}"))
        assert unit.sequence is not None
        return unit.sequence

    numbers = await asyncio.gather(*(write(i) for i in range(20)))
    async with database.connect() as connection:
        stored = (await connection.execute(select(changes.c.sequence))).scalars().all()
    assert sorted(stored) == sorted(numbers)
    assert len(set(numbers)) == 20


async def test_only_the_newest_state_of_a_key_is_kept_under_a_higher_number(
    database: Database,
) -> None:
    sequences = []
    for document in (a_change("key_1"), Change("signing_key", "key_1", None)):
        async with database.unit(ACTOR) as unit:
            unit.publish(document)
        sequences.append(unit.sequence)
    async with database.connect() as connection:
        row = (await connection.execute(select(changes))).one()
    assert row.sequence == sequences[1] > sequences[0]
    assert row.document is None


async def test_what_is_over_leaves_the_log_and_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.store.change_expiry.EXPIRED_AT_ONCE", 2)
    lasting = datetime.now(UTC) + timedelta(hours=1)
    async with database.unit(ACTOR) as unit:
        for number in range(5):
            change = a_change(f"key_old_{number}")
            unit.publish(Change(change.kind, change.key, change.document, unit.now))
        unit.publish(a_change("key_lasting"))
        unit.publish(Change("signing_key", "key_ending", None, lasting))
    assert await expire_changes(database) == 5
    assert await expire_changes(database) == 0
    async with database.connect() as connection:
        rows = (await connection.execute(select(changes).order_by(changes.c.sequence))).all()
    assert [row.key for row in rows] == ["key_lasting", "key_ending"]


async def test_a_removal_is_kept_for_those_who_have_not_heard_of_it(database: Database) -> None:
    async with database.unit(ACTOR) as unit:
        unit.publish(a_change("key_1"))
    async with database.unit(ACTOR) as unit:
        unit.publish(Change("signing_key", "key_1", None))
    assert await expire_changes(database) == 0
    async with database.connect() as connection:
        row = (await connection.execute(select(changes))).one()
    assert row.document is None
    assert row.expires_at == unit.now + timedelta(seconds=REMOVAL_KEPT_S)


async def test_a_unit_that_raises_leaves_nothing_behind(
    database: Database, journal: AuditJournal
) -> None:
    with pytest.raises(RuntimeError):
        async with database.unit(ACTOR) as unit:
            unit.publish(a_change("key_1"))
            unit.audit("key.created", "key_1", {})
            raise RuntimeError
    async with database.connect() as connection:
        assert (await connection.execute(select(changes))).all() == []
        assert await journal.verify(connection) == []


async def test_the_same_key_and_request_is_answered_as_before(database: Database) -> None:
    once = Idempotency("k1", "digest")
    async with database.unit(ACTOR, once) as unit:
        await unit.remember({"id": 1})
    async with database.unit(ACTOR, once) as unit:
        assert unit.replayed
        assert unit.answer == {"id": 1}


async def test_the_same_key_with_another_request_is_refused(database: Database) -> None:
    async with database.unit(ACTOR, Idempotency("k1", "digest")) as unit:
        await unit.remember({"id": 1})
    with pytest.raises(Refusal) as refused:
        async with database.unit(ACTOR, Idempotency("k1", "other")):
            pass
    assert refused.value.outcome is IDEMPOTENCY_KEY_REUSED


async def test_a_commit_wakes_whoever_follows(database: Database, cache: Cache) -> None:
    listening = cache.wake_ups()
    heard = asyncio.ensure_future(anext(listening))
    while await cache.client.pubsub_numsub("weir:changes") != [(b"weir:changes", 1)]:
        await asyncio.sleep(0.01)
    async with database.unit(ACTOR) as unit:
        unit.publish(a_change("key_1"))
    assert await heard == unit.sequence
    await listening.aclose()


async def test_a_change_is_acknowledged_only_when_every_live_gateway_applied_it(
    database: Database,
) -> None:
    async with database.engine.begin() as connection:
        await processes.register(connection, "prc_a", "gateway")
        await processes.register(connection, "prc_b", "gateway")
        await processes.renew(connection, "prc_a", 7)
        assert await processes.find_acknowledged(connection, 7) is None
        await processes.renew(connection, "prc_b", 7)
        assert await processes.find_acknowledged(connection, 7) is not None
        assert await processes.find_acknowledged(connection, 8) is None


async def test_a_gateway_whose_lease_ended_is_not_waited_for(database: Database) -> None:
    async with database.engine.begin() as connection:
        await processes.register(connection, "prc_a", "gateway")
        await connection.execute(
            text("UPDATE processes SET lease_until = now() - interval '1 second'")
        )
    assert await processes.await_acknowledged(database, 9) is not None


async def test_a_hundred_times_as_many_units_as_connections_are_refused_and_none_fails(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.store.database.POOL_TIMEOUT_S", 0.01)
    url = database.engine.url.render_as_string(hide_password=False)
    small = Database(url, clock=database.clock, journal=database._journal, cache=None, pool=1)
    gate = asyncio.Event()

    async def hold() -> str:
        try:
            async with small.unit(ACTOR):
                await gate.wait()
        except Refusal as refusal:
            return refusal.outcome.code
        return "done"

    tasks = [asyncio.create_task(hold()) for _ in range(200)]
    await until(lambda: sum(task.done() for task in tasks) == 198)
    gate.set()
    assert Counter(await asyncio.gather(*tasks)) == {"overloaded": 198, "done": 2}
    await small.close()
