"""Bulk insert by PostgreSQL's COPY: one statement for any number of rows."""

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
    """Write rows into the columns `names` of a table, in the connection's transaction.

    The driver adapts the values; JSON must be passed as text. Raises the driver's IntegrityError
    when a row breaks a constraint of the table; then no row is written.
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
