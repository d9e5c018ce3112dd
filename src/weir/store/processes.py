"""Leases of processes, and how far each process has applied the change log.

A gateway holds a lease of PROCESS_LEASE_S and renews it with the number of the last change that it
has applied. A withdrawal is reported as done only when every process with a live lease has applied
it. A process whose lease has ended stopped serving consented calls before that, since it counts the
lease from before its request for it.
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

# The roles that must have applied a change before it is done: gateways follow all configuration,
# control processes the keys with which they sign and verify.
GATEWAYS: Final = ("gateway",)
EVERYBODY: Final = ("gateway", "control")
_LEASE = timedelta(seconds=PROCESS_LEASE_S)


async def register(connection: AsyncConnection, process: str, role: str) -> None:
    """Begin a lease with no change applied. Commit it before reading the change log.

    Then a withdrawal that is committed while this process loads waits for it. In the other order,
    the withdrawal could be reported as done while this process serves from an older load.
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
    """Renew the lease and record the number of the last applied change.

    False when the process's row was removed, because it was taken for dead; it must then load
    everything anew.
    """
    renewed = await connection.execute(
        update(processes)
        .where(processes.c.id == process)
        .values(applied_sequence=applied_sequence, lease_until=func.clock_timestamp() + _LEASE)
    )
    return renewed.rowcount == 1


async def leave(connection: AsyncConnection, process: str) -> None:
    """Remove the process and its lease; it must serve no more calls."""
    await connection.execute(delete(processes).where(processes.c.id == process))


async def forget_dead(connection: AsyncConnection) -> None:
    """Remove processes whose lease ended an hour ago."""
    long_ago = func.clock_timestamp() - timedelta(hours=1)
    await connection.execute(delete(processes).where(processes.c.lease_until < long_ago))


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """The health of one process. `behind` counts the changes that it has not applied."""

    id: str
    role: str
    started_at: datetime
    lease_until: datetime
    alive: bool
    behind: int


async def overview(connection: AsyncConnection) -> tuple[int, Sequence[ProcessHealth]]:
    """Return the newest change's number, and the health of all processes alive in the last hour."""
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


async def find_acknowledged(
    connection: AsyncConnection, sequence: int, roles: Sequence[str] = GATEWAYS
) -> datetime | None:
    """Return the database's time if every live process of `roles` has applied `sequence`.

    None while one has not.
    """
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
    """Wait until every live process of `roles` has applied `sequence`; return the time of it.

    None when that took longer than `timeout_s`. Leases last 3 s and the wait 6 s, so None means
    that the database could not be reached.
    """
    deadline = database.clock.monotonic_s() + timeout_s
    pause_s = 0.002
    while True:
        async with database.connect() as connection:
            at = await find_acknowledged(connection, sequence, roles)
        if at is not None or database.clock.monotonic_s() > deadline:
            return at
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
