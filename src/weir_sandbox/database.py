"""The connection pool of an institution, in a PostgreSQL schema of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from weir_sandbox.limits import CONNECTION_WAIT_S, STATEMENT_MS

_POOL_MOST: Final = 8

Connection = AsyncConnection[TupleRow]


def connection_string(url: str, schema: str) -> str:
    """Return the libpq connection string for a URL, also for one with SQLAlchemy's `+psycopg`.

    Every session works in the institution's schema and in UTC. A statement is cancelled after
    STATEMENT_MS, so that no request is decided long after its caller has gone.
    """
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    given = str(conninfo_to_dict(plain).get("options", "") or "")
    options = f"{given} -c search_path={schema} -c timezone=UTC -c statement_timeout={STATEMENT_MS}"
    return make_conninfo(plain, options=options.strip(), application_name=f"weir-sandbox {schema}")


class Database:
    """A pool of connections in autocommit: each statement is a transaction of its own."""

    def __init__(self, conninfo: str) -> None:
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=_POOL_MOST,
            open=False,
            timeout=CONNECTION_WAIT_S,
            kwargs={"autocommit": True},
        )

    async def open(self) -> None:
        """Connect; raises when the database cannot be reached."""
        await self.pool.open(wait=True, timeout=CONNECTION_WAIT_S)

    async def close(self) -> None:
        await self.pool.close()

    async def one(self, sql: LiteralString, values: Sequence[object] = ()) -> TupleRow | None:
        """Return the first row of a statement, or None."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(sql, values)
            return await cursor.fetchone()

    async def rows(self, sql: LiteralString, values: Sequence[object] = ()) -> list[TupleRow]:
        """Return all rows of a statement; the caller bounds them."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(sql, values)
            return await cursor.fetchall()


async def first(connection: Connection, sql: LiteralString, *values: object) -> TupleRow | None:
    """Return the first row of a statement inside a transaction, or None."""
    cursor: Any = await connection.execute(sql, values)
    row: TupleRow | None = await cursor.fetchone()
    return row
