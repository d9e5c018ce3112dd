"""Room for one more of the things that an organisation may keep.

The count and the insertion that follows it belong to one unit of work, and another unit that counts
the same things waits for its end, so that no number of requests at once exceeds the limit.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, func, select

from weir.kernel.declares import LIMIT_REACHED
from weir.kernel.outcomes import Refusal
from weir.store.declares import KEPT_LOCK
from weir.store.locks import hold
from weir.store.unit import UnitOfWork


async def require_room(
    unit: UnitOfWork,
    table: Table,
    kept: ColumnElement[bool],
    owner: str,
    limit: str,
    most: int,
) -> None:
    """Check that fewer than `most` rows of a table are `kept` by an owner; call it just before
    another is inserted.

    Refusal LIMIT_REACHED, which names the limit.
    """
    await hold(unit.connection, KEPT_LOCK, f"{table.name} {owner}")
    counted = await unit.connection.scalar(select(func.count()).select_from(table).where(kept))
    if int(counted or 0) >= most:
        raise limit_reached(limit, most)


def limit_reached(limit: str, most: int) -> Refusal:
    """Return the refusal LIMIT_REACHED of one limit, with the words for a form."""
    return Refusal(
        LIMIT_REACHED,
        f"{limit} {most}",
        limit=limit,
        most=most,
        why=f"there are {most} already, as many as may be kept",
        why_zh=f"已达到 {most} 个的数量上限",
    )
