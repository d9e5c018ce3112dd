"""Many new rows at once, by PostgreSQL's COPY: one statement, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import AsyncConnection as Driver
from psycopg import sql
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection


async def copy_rows(
    connection: AsyncConnection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows of these columns in the connection's transaction.

    Values are what the driver adapts; JSON is given as its text. An IntegrityError of the driver
    when a row breaks a rule of the table: nothing is written then.
    """
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, Driver)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    async with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            await copy.write_row(row)
