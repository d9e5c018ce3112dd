"""Changes that are over leave the log: a revocation lives as long as the longest token it voids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from weir.kernel import limits
from weir.store.schema import changes
from weir.store.unit import Actor, Change

if TYPE_CHECKING:
    from weir.store.database import Database

_PLATFORM = Actor("platform", "expiring")


async def expire_changes(database: Database) -> int:
    """Publish the removal of what has expired, and forget removals every process has long seen.

    Returns how many changes expired. A process that missed a removal for longer than
    `limits.REMOVAL_KEPT_S` has lost its lease and loads everything anew.
    """
    async with database.unit(_PLATFORM) as unit:
        over = await unit.connection.execute(
            select(changes.c.kind, changes.c.key)
            .where(changes.c.expires_at < func.now(), changes.c.document.is_not(None))
            .limit(limits.EXPIRED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = over.all()
        for row in rows:
            unit.publish(Change(row.kind, row.key, None, unit.now))
        await unit.connection.execute(
            text(
                "DELETE FROM changes WHERE document IS NULL "
                "AND expires_at < now() - make_interval(secs => :kept)"
            ),
            {"kept": limits.REMOVAL_KEPT_S},
        )
    return len(rows)
