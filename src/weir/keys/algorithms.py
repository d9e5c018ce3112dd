"""Signature algorithms accepted from clients, and announcements that one of them will end.

`jose.ALGORITHMS` are those that FAPI 2.0 section 5.4.1 allows. The operator may end one of them at
an announced time. The metadata shows the announcement at once, and for an application that
rehearses, the announced state is already in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.keys import jose
from weir.keys.declares import CHANGE_ANNOUNCED_S
from weir.keys.published import AlgorithmEndingDocument
from weir.keys.tables import algorithm_endings
from weir.store.unit import Change, UnitOfWork

ALGORITHM_ENDING: Final = "algorithm_ending"  # the change kind of AlgorithmEndingDocument
# `EdDSA` and `Ed25519` name one algorithm, so they end together.
_TWINS: Final = {"EdDSA": "Ed25519", "Ed25519": "EdDSA"}


@dataclass(frozen=True, slots=True)
class Ending:
    """An announced end: the algorithm is accepted until `ends_at`."""

    algorithm: str
    ends_at: datetime
    announced_at: datetime


def accepted_algorithms(
    endings: Mapping[str, datetime], now: datetime, *, rehearsing: bool = False
) -> tuple[str, ...]:
    """Return the algorithms accepted now, given the end of each that has one.

    When `rehearsing`, return those accepted after all announced ends.
    """
    if not endings:
        return jose.ALGORITHMS
    return tuple(
        each
        for each in jose.ALGORITHMS
        if each not in endings or not (rehearsing or endings[each] <= now)
    )


async def announce(unit: UnitOfWork, algorithm: str, ends_at: datetime) -> Sequence[Ending]:
    """Announce that an algorithm is accepted until `ends_at` and no longer.

    Returns the announced ends: two for Ed25519, which has two names. Refusal INVALID_INPUT for an
    unknown algorithm or a time that is too near, CONFLICT when no algorithm would be left.
    """
    inputs.choice(algorithm, jose.ALGORITHMS, "/algorithm")
    require_ahead(ends_at, unit.now, "/ends_at")
    names = [algorithm, *([_TWINS[algorithm]] if algorithm in _TWINS else [])]
    present = await list_endings(unit.connection)
    if not set(jose.ALGORITHMS) - {each.algorithm for each in present} - set(names):
        raise Refusal(
            CONFLICT, why="it is the last algorithm that stays", why_zh="这是最后一种保留的算法"
        )
    for name in names:
        row = {"algorithm": name, "ends_at": ends_at, "announced_at": unit.now}
        statement = insert(algorithm_endings).values(**row)
        await unit.connection.execute(
            statement.on_conflict_do_update(index_elements=["algorithm"], set_=row)
        )
        unit.publish(Change(ALGORITHM_ENDING, name, AlgorithmEndingDocument(name, ends_at)))
    unit.audit("algorithm.ending_announced", algorithm, {"ends_at": ends_at.isoformat()})
    return [Ending(name, ends_at, unit.now) for name in names]


async def take_back(unit: UnitOfWork, algorithm: str) -> None:
    """Withdraw an announcement, so that the algorithm stays accepted or is accepted again.

    Refusal NOT_FOUND when there is no announcement.
    """
    names = [algorithm, *([_TWINS[algorithm]] if algorithm in _TWINS else [])]
    gone = await unit.connection.execute(
        delete(algorithm_endings).where(algorithm_endings.c.algorithm.in_(names))
    )
    if gone.rowcount == 0:
        raise Refusal(NOT_FOUND, f"nothing was announced for {algorithm}")
    for name in names:
        unit.publish(Change(ALGORITHM_ENDING, name, None))
    unit.audit("algorithm.ending_taken_back", algorithm, {})


async def list_endings(connection: AsyncConnection) -> Sequence[Ending]:
    """Return all announced ends, including those already in force."""
    rows: Any = await connection.execute(
        select(algorithm_endings).order_by(algorithm_endings.c.algorithm)
    )
    return [Ending(row.algorithm, row.ends_at, row.announced_at) for row in rows]


def require_ahead(at: datetime, now: datetime, pointer: str) -> None:
    """Raise INVALID_INPUT unless `at` is at least CHANGE_ANNOUNCED_S ahead of `now`.

    Partners need that long to read the announcement. `at` must have a time zone.
    """
    if at.tzinfo is None or at < now + timedelta(seconds=CHANGE_ANNOUNCED_S):
        minutes = CHANGE_ANNOUNCED_S // 60
        raise inputs.wrong(
            pointer,
            f"must be a time with its zone, at least {minutes} minutes ahead",
            f"须为带时区的时间，且至少在 {minutes} 分钟之后",
        )
