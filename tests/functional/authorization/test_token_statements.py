"""What PostgreSQL does for a token: it finds rows by their keys, and moves no index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from consent_world import World
from sqlalchemy import text

from weir.access.consent_types import ACCOUNT_ACCESS
from weir.authorization.clients import known_clients
from weir.authorization.grants import grants
from weir.authorization.grants.grants import REFRESH_PREFIX
from weir.consent.transitions import open_request, record_grant
from weir.consent.types import parse_entry
from weir.keys.vault import PLATFORM
from weir.store.prepared import _OPTIONS

STATEMENTS = {
    "client": known_clients._CLIENTS,
    "of a code": grants._OF_CODE,
    "of a refresh token": grants._OF_REFRESH_TOKEN,
    "spending": grants._SPEND,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_table_without_rows_is_planned_for_as_a_full_one(database_url: str, name: str) -> None:
    """A plan is kept while the table grows under it."""
    url = database_url.replace("+psycopg", "")
    raw = STATEMENTS[name].statement.text.raw.decode()
    with psycopg.connect(url, options=_OPTIONS, autocommit=True) as connection:
        explain = f"EXPLAIN (GENERIC_PLAN) {raw}".encode()
        result = connection.pgconn.exec_(explain)
        plan = [(result.get_value(n, 0) or b"").decode() for n in range(result.ntuples)]
    assert len(plan) > 1, result.error_message
    assert not [line for line in plan if "Seq Scan" in line or "Hash" in line], "\n".join(plan)


async def granted(world: World) -> tuple[str, str]:
    """A consent of a customer and the code for it."""
    database, now = world.services.database, datetime.now(UTC)
    customer = (await world.enrolment("RB-000001")).customer.id
    entry = {
        "type": ACCOUNT_ACCESS,
        "member": "river-bank",
        "permissions": ["ReadAccounts"],
        "purpose": "Book-keeping",
        "expires_at": (now + timedelta(days=1)).isoformat(timespec="seconds"),
    }
    request = parse_entry(entry, now)
    async with database.unit(PLATFORM) as unit:
        consent = unit.mint("cns")
        await open_request(
            unit,
            consent,
            request,
            application=world.client.id,
            partner=world.shop.id,
            member=world.bank.id,
        )
        await record_grant(unit, consent, request, customer=customer, accounts=["acc-1"])
        code = await grants.record(
            unit,
            consent=consent,
            grant_id=consent,
            client=world.client.id,
            subject="somebody",
            scope="accounts",
            redirect_uri="https://shop.example/back",
            code_challenge="c" * 43,
            certificate=None,
            dpop_jkt=None,
        )
    return consent, code


async def test_a_refresh_token_counts_from_the_use_of_its_code_on(world: World) -> None:
    consent, code = await granted(world)
    database = world.services.database
    async with database.connect() as connection:
        salt = await connection.scalar(text("SELECT refresh_salt FROM grants"))
        early = REFRESH_PREFIX + grants._refreshing(code, salt)
        assert await grants.of_refresh_token(connection, early) is None
    assert await grants.find_by_refresh_token(database, early) is None
    assert await grants.use_code(database, consent, code) == early
    assert await grants.use_code(database, consent, code) is None
    found = await grants.find_by_refresh_token(database, early)
    assert found is not None
    assert found[0].consent == consent
    async with database.connect() as connection:
        assert await grants.of_refresh_token(connection, early) is not None


async def test_using_a_code_changes_nothing_that_an_index_holds(
    world: World, database_url: str
) -> None:
    consent, _ = await granted(world)
    statement = grants._SPEND.statement.text.raw.decode()
    hot = "SELECT pg_stat_get_xact_tuples_hot_updated('grants'::regclass)"
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        cursor = psycopg.RawCursor(connection)
        assert cursor.execute(statement, [[consent], [datetime.now(UTC)]]).rowcount == 1
        assert cursor.execute(hot).fetchone() == (1,)
