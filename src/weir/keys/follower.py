"""Keeps a control process's keys true, under a lease like a gateway's.

A key that was revoked must sign and prove nothing more, in any process, once that is reported as
done. So a control process is registered like a gateway, acknowledges what it has applied, and signs
nothing when it cannot renew: its lease is counted from before it asked, so it ends here first.
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


class KeysFollowed:
    """A vault that is read again whenever something was published."""

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
        """Register and hold a lease. From now on the vault signs under it only."""
        self._vault.holds = self.lease_holds
        async with self._database.connect() as connection:
            await processes.register(connection, self._process, ROLE)
            await connection.commit()
        await self._renew()

    def lease_holds(self) -> bool:
        """Whether the keys may be believed right now."""
        return self._loop.time() < self._lease_until_s

    async def run(self) -> None:
        """Renew each second and at each wake-up, until cancelled."""
        await beat(self._cache, self._woken, self._try_to_renew)

    async def stop(self) -> None:
        """End the lease: this process signs no more."""
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
                # The lease had ended: what was committed meanwhile may not have waited for us.
                await self._read(connection)
        self._lease_until_s = asked_at_s + PROCESS_LEASE_S

    async def _read(self, connection: AsyncConnection) -> None:
        """The newest number first, then the keys, which hold at least what it stands for."""
        newest: Any = await connection.scalar(select(func.max(changes.c.sequence)))
        if int(newest or 0) != self._applied:
            await self._vault.reload(connection)
            self._applied = int(newest or 0)

    async def _begin_anew(self, connection: AsyncConnection) -> None:
        """The row is gone: this process was taken for dead."""
        self._lease_until_s, self._applied = 0.0, 0
        await processes.register(connection, self._process, ROLE)
        await connection.commit()
        self._woken.set()
