"""The follower of key changes: keeps a control process's keys up to date, under a lease.

Once a revocation is reported as done, no process may sign with the key or accept its signatures. So
a control process registers like a gateway and acknowledges the changes that it has applied. When it
cannot renew its lease, it stops signing. It counts the lease from before the request to renew, so
the lease ends here earlier than in the database.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.outcomes import Refusal
from weir.keys.vault import Vault
from weir.store import processes
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.declares import PROCESS_LEASE_S
from weir.store.heartbeat import beat, leave
from weir.store.schema import changes

ROLE: Final = "control"
_TRIP_TIMEOUT_S: Final = 5.0
_log = structlog.get_logger("weir.control")


class KeyFollower:
    """Reloads a vault after each published change, and holds the lease under which it signs."""

    def __init__(self, database: Database, cache: Cache, vault: Vault, process: str) -> None:
        self._database = database
        self._cache = cache
        self._vault = vault
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._applied = 0
        self._lease_until_s = 0.0  # by the loop's monotonic clock
        self._woken = asyncio.Event()

    async def start(self) -> None:
        """Register this process and take a lease; from now on the vault signs only under it."""
        self._vault.holds = self.lease_holds
        async with self._database.connect() as connection:
            await processes.register(connection, self._process, ROLE)
            await connection.commit()
        await self._renew()

    def lease_holds(self) -> bool:
        """Whether the lease is in force, so that the keys in memory are up to date."""
        return self._loop.time() < self._lease_until_s

    async def run(self) -> None:
        """Renew the lease each second and at each wake-up, until cancelled."""
        await beat(self._cache, self._woken, self._try_to_renew)

    async def stop(self) -> None:
        """End the lease; this process signs nothing after it."""
        self._lease_until_s = 0.0
        await leave(self._database, self._process, _TRIP_TIMEOUT_S)

    async def _try_to_renew(self) -> None:
        try:
            async with asyncio.timeout(_TRIP_TIMEOUT_S):
                await self._renew()
        except (Refusal, SQLAlchemyError, TimeoutError, OSError) as error:
            _log.warning("lease_not_renewed", error=repr(error))

    async def _renew(self) -> None:
        asked_at_s = self._loop.time()
        held_until_s = self._lease_until_s
        async with self._database.connect() as connection:
            await self._read(connection)
            if not await processes.renew(connection, self._process, self._applied):
                await self._begin_anew(connection)
                return
            await connection.commit()
            if self._loop.time() >= held_until_s:
                # The lease had ended, so changes committed meanwhile did not wait for this process.
                await self._read(connection)
        self._lease_until_s = asked_at_s + PROCESS_LEASE_S

    async def _read(self, connection: AsyncConnection) -> None:
        """Reload the keys if there are newer changes.

        The newest number is read first, so the keys read after it include at least that change.
        """
        newest: Any = await connection.scalar(select(func.max(changes.c.sequence)))
        if int(newest or 0) != self._applied:
            await self._vault.reload(connection)
            self._applied = int(newest or 0)

    async def _begin_anew(self, connection: AsyncConnection) -> None:
        """Register anew after the process's row was removed, because it was taken for dead."""
        self._lease_until_s, self._applied = 0.0, 0
        await processes.register(connection, self._process, ROLE)
        await connection.commit()
        self._woken.set()
