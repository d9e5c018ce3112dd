"""Changes that are over leave the log: a revocation lives as long as the longest token it voids.

Nobody is told. A process that follows the log was given the same end, and forgets by itself; one
that comes later has no use for what voids nothing any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Delete, delete, func, select, tuple_

from weir.store.declares import EXPIRED_AT_ONCE
from weir.store.schema import changes

if TYPE_CHECKING:
    from weir.store.database import Database


async def expire_changes(database: Database) -> int:
    """Forget what has expired, in transactions of `limits.EXPIRED_AT_ONCE`; returns how many.

    Removals are among it: a process that missed one for `limits.REMOVAL_KEPT_S` loads anew.
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
