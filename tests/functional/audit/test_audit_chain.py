"""Whatever is done to the audit chain by SQL, verification finds and names it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from weir.audit.chain import AuditFinding, AuditJournal
from weir.store.database import Database
from weir.store.unit import Actor


@pytest.fixture
async def chain(database: Database) -> Database:
    for i in range(4):
        async with database.unit(Actor("org_a", "app_a")) as unit:
            unit.audit("key.created", f"key_{i}", {"i": i, "text": "流水"})
            unit.audit("key.created", f"key_{i}", {}, organisation="org_b")
    return database


async def findings(database: Database, journal: AuditJournal) -> list[AuditFinding]:
    async with database.connect() as connection:
        return await journal.verify(connection)


async def test_an_untouched_chain_holds(chain: Database, journal: AuditJournal) -> None:
    assert await findings(chain, journal) == []


@pytest.mark.parametrize(
    ("tampering", "number", "why"),
    [
        ("UPDATE audit_entries SET detail = '{\"i\": 9}' WHERE {at2}", 2, "altered"),
        ("UPDATE audit_entries SET at = at + interval '1 second' WHERE {at2}", 2, "altered"),
        ("UPDATE audit_entries SET actor_subject = 'app_z' WHERE {at2}", 2, "altered"),
        ("DELETE FROM audit_entries WHERE {at2}", 3, "entries 2 to 2 are missing"),
        ("DELETE FROM audit_entries WHERE organisation = 'org_a' AND number = 4", 3, "end"),
        ("DELETE FROM audit_heads WHERE organisation = 'org_a'", 4, "end"),
    ],
)
async def test_tampering_is_found_and_named(
    chain: Database, journal: AuditJournal, tampering: str, number: int, why: str
) -> None:
    async with chain.engine.begin() as connection:
        at2 = "organisation = 'org_a' AND number = 2"
        await connection.exec_driver_sql(tampering.replace("{at2}", at2))
    found = await findings(chain, journal)
    assert (found[0].organisation, found[0].number) == ("org_a", number)
    assert why in found[0].why


async def test_cutting_the_tail_and_moving_the_head_back_is_found(
    chain: Database, journal: AuditJournal
) -> None:
    async with chain.engine.begin() as connection:
        await connection.execute(
            text("DELETE FROM audit_entries WHERE organisation = 'org_a' AND number = 4")
        )
        await connection.execute(
            text("UPDATE audit_heads SET number = 3 WHERE organisation = 'org_a'")
        )
    assert [each.why for each in await findings(chain, journal)] == [
        "the end of the chain is not where it was"
    ]
