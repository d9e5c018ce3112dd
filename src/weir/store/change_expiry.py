"""Removal of expired changes from the log, such as a revocation whose last token has expired.

Followers need no notice. A process that has read the change also read its expiry and forgets it by
itself; a process that starts later does not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Delete, delete, func, select, tuple_

from weir.store.declares import EXPIRED_AT_ONCE
from weir.store.schema import changes

if TYPE_CHECKING:
    from weir.store.database import Database


async def expire_changes(database: Database) -> int:
    """Delete expired changes, EXPIRED_AT_ONCE in a transaction; return how many were deleted.

    Removals expire after REMOVAL_KEPT_S; a process that was away for longer loads everything anew.
    """
    forgotten = 0
    while True:
        async with database.engine.begin() as connection:
            gone = await connection.execute(_forget())
        forgotten += gone.rowcount
        if gone.rowcount < EXPIRED_AT_ONCE:
            return forgotten


def _forget() -> Delete:
    over = (
        select(changes.c.kind, changes.c.key)
        .where(changes.c.expires_at < func.now())
        .limit(EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return delete(changes).where(tuple_(changes.c.kind, changes.c.key).in_(over))
