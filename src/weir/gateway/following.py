"""Keeps the gateway's snapshot true: follows the change log, and holds the lease that says so.

A withdrawal is reported as done when every gateway with a live lease has applied it. So this
process must stop serving consented calls before the database counts its lease as ended, and must
not resume before it has read everything that was committed while it had none:

- the lease is counted from before its renewal was sent, so it ends here first;
- changes are read, applied and acknowledged in one trip, and the renewal extends the lease only if
  the old one still held when the commit returned; otherwise the log is read once more under the
  new lease before it counts.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

import structlog
from sqlalchemy import Select, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.gateway.allowances import DatabaseClock
from weir.gateway.snapshot import ChangeRow, Snapshot
from weir.kernel import limits
from weir.kernel.outcomes import Refusal
from weir.store import processes
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.schema import changes

ROLE: Final = "gateway"
SLICE_ROWS: Final = 50  # applied between two breaths of the event loop
_TRIP_TIMEOUT_S: Final = 5.0
_RECONNECT_S: Final = 0.5
_log = structlog.get_logger("weir.gateway")


class Following:
    """The current snapshot and the lease under which it may be believed."""

    def __init__(
        self,
        database: Database,
        cache: Cache,
        process: str,
        clock: DatabaseClock,
        unconfirmed_s: float = 0.0,
    ) -> None:
        self.snapshot = Snapshot()
        self.loaded = False
        self._database = database
        self._cache = cache
        self._process = process
        self._clock = clock
        self._unconfirmed_s = unconfirmed_s  # own-right calls are served this long after the lease
        self._loop = asyncio.get_running_loop()
        self._lease_until_s = 0.0  # by the loop's monotonic clock
        self._woken = asyncio.Event()

    def lease_holds(self) -> bool:
        """Whether consented calls may be served right now."""
        return self._loop.time() < self._lease_until_s

    def standing_holds(self) -> bool:
        """Whether own-right calls may be served: what was revoked may be this much out of date."""
        return self._loop.time() < self._lease_until_s + self._unconfirmed_s

    def lease_left_s(self) -> float:
        """Seconds until the lease ends; 0 when it has ended."""
        return max(0.0, self._lease_until_s - self._loop.time())

    # --- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Register, load everything, and hold a lease. Refusal ENGINE_UNAVAILABLE."""
        async with self._database.connect() as connection:
            await processes.register(connection, self._process, ROLE)
            await connection.commit()
        await self._load()
        await self._renew()

    async def run(self) -> None:
        """Renew each second and at each wake-up, until cancelled."""
        hearing = self._loop.create_task(self._hear())
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), limits.LEASE_RENEWAL_S)
                self._woken.clear()
                await self._try_to_renew()
        finally:
            hearing.cancel()

    async def stop(self) -> None:
        """End the lease: this process serves no more."""
        self._lease_until_s = 0.0
        with suppress(Refusal, SQLAlchemyError, TimeoutError, OSError):
            async with asyncio.timeout(_TRIP_TIMEOUT_S), self._database.connect() as connection:
                await processes.leave(connection, self._process)
                await connection.commit()

    async def _hear(self) -> None:
        """Wake up when a change is announced. A missed word costs a second, no more."""
        while True:
            with suppress(Refusal, Exception):
                async for _ in self._cache.wake_ups():
                    self._woken.set()
            await asyncio.sleep(_RECONNECT_S)

    async def _try_to_renew(self) -> None:
        try:
            async with asyncio.timeout(_TRIP_TIMEOUT_S):
                await self._renew()
        except (Refusal, SQLAlchemyError, TimeoutError, OSError) as error:
            _log.warning("lease_not_renewed", error=repr(error))

    # --- one trip ------------------------------------------------------------------------------

    async def _renew(self) -> None:
        asked_at_s = self._loop.time()
        held_until_s = self._lease_until_s
        async with self._database.connect() as connection:
            await self._pull(connection)
            if not await processes.renew(connection, self._process, self.snapshot.sequence):
                await self._begin_anew(connection)
                return
            measured_from_s = self._loop.time()
            database_s = (await connection.execute(select(_DATABASE_NOW_S))).scalar_one()
            self._clock.measured(float(database_s), measured_from_s)
            await connection.commit()
            if self._loop.time() >= held_until_s:
                await self._pull(connection)
        self._lease_until_s = asked_at_s + limits.PROCESS_LEASE_S

    async def _begin_anew(self, connection: AsyncConnection) -> None:
        """The row is gone: this process was taken for dead, and the log may have moved past it."""
        self._lease_until_s = min(self._lease_until_s, self._loop.time())
        await processes.register(connection, self._process, ROLE)
        await connection.commit()
        await self._load()
        self._woken.set()

    async def _pull(self, connection: AsyncConnection) -> None:
        """Apply what was committed since, and swap the snapshot."""
        newer = _rows().where(changes.c.sequence > self.snapshot.sequence)
        rows = (await connection.execute(newer.order_by(changes.c.sequence))).all()
        snapshot = self.snapshot
        for start in range(0, len(rows), SLICE_ROWS):
            if start:
                await asyncio.sleep(0)
            snapshot = snapshot.apply(map(_change, rows[start : start + SLICE_ROWS]), _log_fault)
        self.snapshot = snapshot

    async def _load(self) -> None:
        """Everything, from nothing, in slices."""
        snapshot = Snapshot()
        async with self._database.connect() as connection:
            newest = await connection.scalar(select(func.max(changes.c.sequence)))
            present = _rows().where(changes.c.document.is_not(None))
            streamed = await connection.stream(present, execution_options={"yield_per": 500})
            async for rows in streamed.partitions(SLICE_ROWS):
                snapshot = snapshot.apply(map(_change, rows), _log_fault)
                await asyncio.sleep(0)
        # What was committed while the rows came in is read again: numbers only grow.
        self.snapshot = snapshot.at(int(newest or 0))
        self.loaded = True


_DATABASE_NOW_S: Final = func.extract("epoch", func.clock_timestamp())


def _rows() -> Select[Any]:
    return select(changes.c.kind, changes.c.key, changes.c.sequence, changes.c.document)


def _log_fault(row: ChangeRow, error: ValueError) -> None:
    _log.error("change_makes_no_sense", kind=row.kind, key=row.key, error=repr(error))


def _change(row: Any) -> ChangeRow:
    return ChangeRow(row.kind, row.key, row.sequence, row.document)
