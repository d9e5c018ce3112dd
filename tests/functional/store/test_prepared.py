"""Prepared statements outside transactions, and what a lost server does to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import DateTime, Text, bindparam, select, text, update

from weir.kernel.outcomes import Refusal
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.store.direct import Direct
from weir.store.direct import Text as Statement
from weir.store.prepared import KeyedStatement, Prepared, keys_table
from weir.store.schema import processes

READ = Prepared(select(processes.c.role).where(processes.c.id == bindparam("process")))
WRITE = Prepared(
    update(processes)
    .where(processes.c.id == bindparam("process"))
    .values(role=bindparam("new_role"))
    .returning(processes.c.id)
)

KEYS = keys_table(process=Text())
ROLES = KeyedStatement(
    Prepared(select(KEYS.c.n, processes.c.role).join(processes, processes.c.id == KEYS.c.process)),
    ("process",),
    lambda row: str(row[0]),
)


async def add_process(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO processes VALUES ('prc_1', 'control', now(), 0, now())")
        )


async def end_all_others(database: Database) -> None:
    """What a restart of the server does to every connection but the one that asks."""
    async with database.engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )


TEXTS = keys_table(given=Text(), at=DateTime(timezone=True))
ECHO = Prepared(select(TEXTS.c.given, TEXTS.c.at))


async def test_values_arrive_as_they_were_given(database: Database) -> None:
    given = ["", "NULL", "null", "{}", "a,b", 'say "so"', "back\\slash", '\\"', " ", "\n\t", "令"]
    at = [datetime(2027, 1, 2, 3, 4, 5, number, UTC) for number in range(len(given))]
    told = await database.run(ECHO, given=given, at=at)
    assert told == list(zip(given, at, strict=True))


async def test_a_value_is_never_cut_off_at_a_nul(database: Database) -> None:
    now = datetime.now(UTC)
    with pytest.raises(ValueError, match="NUL"):
        await database.run(ECHO, given=["whole\0rest"], at=[now])
    assert await database.run(ECHO, given=["whole"], at=[now]) == [("whole", now)]


async def test_a_statement_is_read_and_written_at_once(database: Database) -> None:
    await add_process(database)
    assert await database.run(READ, process="prc_1") == [("control",)]
    assert await database.run(WRITE, process="prc_1", new_role="worker") == [("prc_1",)]
    assert await database.run(READ, process="prc_1") == [("worker",)]
    assert await database.run(READ, process="prc_2") == []


async def test_many_at_once_wait_for_room(database: Database) -> None:
    await add_process(database)
    rows = await asyncio.gather(*(database.run(READ, process="prc_1") for _ in range(50)))
    assert rows == [[("control",)]] * 50


async def test_a_read_is_tried_again_when_its_connection_was_dead(database: Database) -> None:
    await add_process(database)
    await asyncio.gather(*(database.run(READ, process="prc_1") for _ in range(5)))
    await end_all_others(database)
    assert await database.run(READ, process="prc_1") == [("control",)]


async def test_a_write_is_never_tried_again_by_itself(database: Database) -> None:
    await add_process(database)
    await database.run(WRITE, process="prc_1", new_role="worker")
    await end_all_others(database)
    with pytest.raises(Refusal) as refused:
        await database.run(WRITE, process="prc_1", new_role="gateway")
    assert refused.value.outcome is ENGINE_UNAVAILABLE
    assert await database.run(READ, process="prc_1") == [("worker",)]


async def test_several_keys_are_answered_by_one_statement_each_with_its_own(
    database: Database,
) -> None:
    await add_process(database)
    keys = ["prc_2", "prc_1", "prc_0", "prc_1"]
    found = await asyncio.gather(*(database.ask(ROLES, key) for key in keys))
    assert found == [None, "control", None, "control"]


@pytest.fixture
async def direct(database: Database) -> AsyncIterator[Direct]:
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await Direct.connect(url, timeout_s=5, options="")
    yield connection
    await connection.close()


async def test_more_than_a_socket_holds_goes_both_ways(direct: Direct) -> None:
    large = "洪" * 3_000_000
    said = Statement("SELECT %(a)s::text, '100%%', %(b)s::int[], %(a)s::text = %(a)s::text")
    for numbers in ([1, 2], [3]):
        assert await direct.run(said, {"a": large, "b": numbers}) == [
            (large, "100%", numbers, True)
        ]


async def test_a_refused_statement_leaves_the_connection_as_it_was(direct: Direct) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await direct.run(Statement("SELECT 1 / %(n)s::int"), {"n": 0})
    with pytest.raises(psycopg.errors.SyntaxError):
        await direct.run(Statement("SELECT FROM WHERE"), {})
    assert await direct.run(Statement("SELECT 1 / %(n)s::int"), {"n": 1}) == [(1,)]


async def test_a_connection_that_ends_is_known_as_lost_and_watched_no_more(
    database: Database, direct: Direct
) -> None:
    slow = asyncio.create_task(direct.run(Statement("SELECT pg_sleep(60)"), {}))
    await asyncio.sleep(0.05)
    await end_all_others(database)
    with pytest.raises(psycopg.OperationalError):
        await slow
    with pytest.raises(psycopg.OperationalError):
        await direct.run(Statement("SELECT 1"), {})
