"""Reading the change log: a page of newer changes, or all present ones when a process starts.

A page is bounded in rows and in bytes, so that a change of any size is read piece by piece. Rows
are decoded by the PostgreSQL driver itself, a few at a time: through the ORM's own result each
would cost five times as much.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.consent.published import REVOCATION
from weir.gateway.config.revocations import MINUTE_S, NEVER
from weir.gateway.config.snapshot_builder import ChangeRow
from weir.kernel.outcomes import Refusal
from weir.store.declares import ENGINE_UNAVAILABLE

_ROWS_AT_ONCE: Final = 8  # of revocations, decoded in one unit of work
_CHANGES_AT_ONCE: Final = 2  # the same of changes, whose documents may be long

# The window counts the rows within the limit on rows; rows that the limit on bytes then cuts off
# show as a difference. The first row always passes, or a large one would never be read.
_PAGE: Final = """
    SELECT kind, key, sequence, document::text, date_part('epoch', expires_at), found
    FROM (
        SELECT *, count(*) OVER () AS found,
               sum(bytes) OVER (ORDER BY sequence) - bytes AS bytes_before
        FROM (
            SELECT kind, key, sequence, document, expires_at,
                   coalesce(pg_column_size(document), 0) AS bytes
            FROM changes WHERE sequence > %(after)s {which} ORDER BY sequence LIMIT %(rows)s
        ) AS newer
    ) AS measured
    WHERE bytes_before < %(bytes)s OR bytes_before = 0
    ORDER BY sequence
"""
_NEWER: Final = _PAGE.format(which="")
_PRESENT: Final = _PAGE.format(which="AND kind <> %(revocation)s AND document IS NOT NULL")
_REVOKED: Final = """
    SELECT coalesce(ceil(date_part('epoch', expires_at) / %(minute_s)s)::bigint, %(never)s),
           string_agg(substr(sha256(convert_to(key, 'UTF8')), 1, 8), ''::bytea)
    FROM changes WHERE kind = %(revocation)s AND document IS NOT NULL
    GROUP BY 1
"""
_NEWEST: Final = "SELECT coalesce(max(sequence), 0) FROM changes"

Take = Callable[[list[ChangeRow]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PageSize:
    """The bounds of a page: rows, and bytes of documents as they are stored."""

    rows: int
    stored_bytes: int

    def smaller(self) -> PageSize:
        """Return a quarter of this size, of one row at least."""
        return PageSize(max(1, self.rows // 4), self.stored_bytes // 4)

    def larger(self, most: PageSize) -> PageSize:
        """Return twice this size, up to `most`."""
        rows, stored_bytes = max(1, self.rows) * 2, max(1, self.stored_bytes) * 2
        return PageSize(min(rows, most.rows), min(stored_bytes, most.stored_bytes))


async def read_newer(connection: AsyncConnection, after: int, size: PageSize, take: Take) -> bool:
    """Give the changes after number `after` to `take`, a few at a time. Return whether more follow.

    Refusal ENGINE_UNAVAILABLE.
    """
    return await _read(connection, _NEWER, after, size, take)


async def read_present(connection: AsyncConnection, after: int, size: PageSize, take: Take) -> bool:
    """Do as `read_newer`, without removals and revocations."""
    return await _read(connection, _PRESENT, after, size, take)


async def read_revoked(connection: AsyncConnection) -> AsyncIterator[tuple[int, bytes]]:
    """Return all revocations, by the minute in which they end.

    An item is the minute (of Unix time, `NEVER` for no end) and the first 8 bytes of each key's
    SHA-256, one after another. Refusal ENGINE_UNAVAILABLE.
    """
    values = {"revocation": REVOCATION, "minute_s": MINUTE_S, "never": NEVER}
    async with _asked(connection, _REVOKED, values) as cursor:
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            for minute, fingerprints in rows:
                yield int(minute), bytes(fingerprints)


async def newest(connection: AsyncConnection) -> int:
    """Return the number of the newest change; 0 when there is none."""
    async with _asked(connection, _NEWEST, {}) as cursor:
        row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def _read(
    connection: AsyncConnection, query: str, after: int, size: PageSize, take: Take
) -> bool:
    values = {
        "after": after,
        "rows": size.rows,
        "bytes": size.stored_bytes,
        "revocation": REVOCATION,
    }
    read, found = 0, 0
    async with _asked(connection, query, values) as cursor:
        while rows := await cursor.fetchmany(_CHANGES_AT_ONCE):
            read, found = read + len(rows), rows[0][5]
            await take([ChangeRow(*row[:5]) for row in rows])
    return read < found or found >= size.rows


@asynccontextmanager
async def _asked(
    connection: AsyncConnection, query: str, values: dict[str, Any]
) -> AsyncIterator[psycopg.AsyncCursor[TupleRow]]:
    """Open a cursor over the answer. Refusal ENGINE_UNAVAILABLE when the query fails."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with driver.cursor(binary=True) as cursor:
            await cursor.execute(query, values)
            yield cursor
    except psycopg.Error as error:
        raise Refusal(ENGINE_UNAVAILABLE, f"postgresql: {error!r}") from error
