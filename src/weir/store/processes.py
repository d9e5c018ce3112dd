"""Which processes are alive, and how far each has applied the change log.

A gateway holds a lease of `limits.PROCESS_LEASE_S` and renews it with the number of the last
change it has applied. A withdrawal is reported as done only when every process with a live lease
has applied it; a process whose lease ended has itself stopped serving consented calls by then,
since it counts the lease from before it asked for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.store.declares import PROCESS_LEASE_S, REVOCATION_WAIT_S
from weir.store.schema import changes, processes

if TYPE_CHECKING:
    from weir.store.database import Database

# Who must have applied a change before it is a fact: gateways follow everything they serve by,
# control processes the keys they sign and verify with.
GATEWAYS: Final = ("gateway",)
EVERYBODY: Final = ("gateway", "control")
_LEASE = timedelta(seconds=PROCESS_LEASE_S)


async def register(connection: AsyncConnection, process: str, role: str) -> None:
    """Begin a lease with nothing applied. Must be committed before the change log is read.

    Registering first means that a withdrawal committed while this process loads waits for it; the
    other way round it could be reported as done and then served from a load that began earlier.
    """
    await connection.execute(
        insert(processes).values(
            id=process,
            role=role,
            started_at=func.clock_timestamp(),
            applied_sequence=0,
            lease_until=func.clock_timestamp() + _LEASE,
        )
    )


async def renew(connection: AsyncConnection, process: str, applied_sequence: int) -> bool:
    """Lengthen the lease and say how far the log was applied. False when the row is gone.

    A process whose row is gone was taken for dead; it must load everything anew.
    """
    renewed = await connection.execute(
        update(processes)
        .where(processes.c.id == process)
        .values(applied_sequence=applied_sequence, lease_until=func.clock_timestamp() + _LEASE)
    )
    return renewed.rowcount == 1


async def leave(connection: AsyncConnection, process: str) -> None:
    """End the lease: the process serves no more."""
    await connection.execute(delete(processes).where(processes.c.id == process))


async def forget_dead(connection: AsyncConnection) -> None:
    """Remove processes whose lease ended an hour ago."""
    long_ago = func.clock_timestamp() - timedelta(hours=1)
    await connection.execute(delete(processes).where(processes.c.lease_until < long_ago))


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """The health of one process. `behind` counts changes it has not applied."""

    id: str
    role: str
    started_at: datetime
    lease_until: datetime
    alive: bool
    behind: int


async def overview(connection: AsyncConnection) -> tuple[int, Sequence[ProcessHealth]]:
    """The newest change's number, and the health of every process alive within the hour."""
    newest = int(await connection.scalar(select(func.max(changes.c.sequence))) or 0)
    alive = (processes.c.lease_until > func.clock_timestamp()).label("alive")
    behind = (
        select(func.count())
        .select_from(changes)
        .where(changes.c.sequence > processes.c.applied_sequence)
        .scalar_subquery()
        .label("behind")
    )
    rows = await connection.execute(
        select(processes, alive, behind).order_by(processes.c.role, processes.c.id)
    )
    return newest, [
        ProcessHealth(row.id, row.role, row.started_at, row.lease_until, row.alive, row.behind)
        for row in rows
    ]


async def acknowledged(
    connection: AsyncConnection, sequence: int, roles: Sequence[str] = GATEWAYS
) -> datetime | None:
    """The database's time if every live process of `roles` has applied `sequence`, else None."""
    behind = (
        select(func.count())
        .select_from(processes)
        .where(processes.c.role.in_(roles))
        .where(processes.c.lease_until > func.clock_timestamp())
        .where(processes.c.applied_sequence < sequence)
        .scalar_subquery()
    )
    row = (await connection.execute(select(behind, func.clock_timestamp()))).one()
    return row[1] if row[0] == 0 else None


async def await_acknowledged(
    database: Database,
    sequence: int,
    timeout_s: float = REVOCATION_WAIT_S,
    roles: Sequence[str] = GATEWAYS,
) -> datetime | None:
    """Wait until every live process of `roles` has applied `sequence`; None when it took too long.

    Leases last 3 s and the wait 6 s, so None means the database could not be asked.
    """
    deadline = database.clock.monotonic_s() + timeout_s
    pause_s = 0.002
    while True:
        async with database.connect() as connection:
            at = await acknowledged(connection, sequence, roles)
        if at is not None or database.clock.monotonic_s() > deadline:
            return at
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
