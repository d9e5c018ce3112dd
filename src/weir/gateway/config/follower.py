"""The follower of the change log, which keeps the gateway's snapshot true and holds its lease.

A withdrawal is reported as done when every gateway with a live lease has applied it. So this
process must stop serving consented calls before the database counts its lease as ended, and must
not resume before it has read everything that was committed while it had none:

- the lease is counted from before its renewal was sent, so it ends here first;
- a trip reads a page of the log, applies it, and renews the lease with the number it has come to. A
  process that is behind may hold a lease: what it has not applied is not reported as done;
- where the old lease had ended before the new one was committed, consented calls wait until the log
  was read to its end by a trip that began under the new one.

A page that is not read in time is asked for again with fewer rows, so that a change of any size is
applied at last. Nothing is loaded anew while calls are served: a process that has missed removals
ends, and the next one loads before it listens.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.gateway.budgets.allowances import DatabaseClock
from weir.gateway.config import change_log
from weir.gateway.config.change_log import PageSize
from weir.gateway.config.lease import Lease
from weir.gateway.config.revocations import SHARDS
from weir.gateway.config.slices import Slices
from weir.gateway.config.snapshot import Snapshot
from weir.gateway.config.snapshot_builder import ChangeRow, SnapshotBuilder
from weir.gateway.declares import CHANGE_PAGE_BYTES, CHANGE_PAGE_ROWS, CHANGE_TRIP_TIMEOUT_S
from weir.kernel.outcomes import Refusal
from weir.store import processes
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.declares import PROCESS_LEASE_S, REMOVAL_KEPT_S
from weir.store.heartbeat import beat, leave

ROLE: Final = "gateway"
WHOLE_PAGE: Final = PageSize(CHANGE_PAGE_ROWS, CHANGE_PAGE_BYTES)
_LOADED_AT_ONCE: Final = PageSize(5_000, 16 * CHANGE_PAGE_BYTES)
_FROZEN_ROWS: Final = 50
_SWEPT_A_SECOND: Final = SHARDS // 60 + 1
_log = structlog.get_logger("weir.gateway")


ReloadKeys = Callable[[AsyncConnection], Awaitable[None]]


async def _no_keys(_: AsyncConnection) -> None:
    """Reload nothing: for a process that signs no answers."""


class Follower:
    """The current snapshot and the lease under which it may be believed."""

    def __init__(
        self,
        database: Database,
        cache: Cache,
        process: str,
        clock: DatabaseClock,
        unconfirmed_s: float = 0.0,
        *,
        on_lost: Callable[[], None] = lambda: None,
        reload_keys: ReloadKeys = _no_keys,
        page: PageSize = WHOLE_PAGE,
        trip_timeout_s: float = CHANGE_TRIP_TIMEOUT_S,
    ) -> None:
        """Follow for `process`, an identifier with prefix `prc`.

        `on_lost` is called when the log no longer holds all that this process has missed,
        `reload_keys` when a key that answers are signed with has moved, before that is applied.
        """
        self.snapshot = Snapshot()
        self.slices = Slices()
        self.applying = False  # a page is being applied
        self._database = database
        self._cache = cache
        self._process = process
        self._clock = clock
        self._on_lost = on_lost
        self._reload_keys = reload_keys
        self._whole_page = page
        self._page = page
        self._trip_timeout_s = trip_timeout_s
        self._loop = asyncio.get_running_loop()
        self.lease = Lease(self._loop, unconfirmed_s)
        self._held_until_s = 0.0  # the database counts a lease until then at least
        self._complete = False  # every change committed while there was no lease is applied
        self._heard_s = 0.0  # when the log was last read, by the database's clock
        self._woken = asyncio.Event()

    # --- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Register, load everything, and take a lease. Refusal ENGINE_UNAVAILABLE."""
        async with self._database.connect() as connection:
            await processes.register(connection, self._process, ROLE)
            await connection.commit()
            await self._load(connection)
        while not self.lease.holds():
            await self._trip()

    async def run(self) -> None:
        """Make a trip each second and at each wake-up, until cancelled."""
        await beat(self._cache, self._woken, self._try_a_trip)

    async def stop(self) -> None:
        """End the lease: this process serves no more."""
        self.lease.until_s = 0.0
        await leave(self._database, self._process, self._trip_timeout_s)

    async def sweep(self) -> None:
        """Forget a part of the revocations that are over; all shards
        have their turn in a minute.
        """
        revoked, now_s = self.snapshot.revoked, time.time()
        await self.slices.work(revoked.sweep(now_s) for _ in range(_SWEPT_A_SECOND))
        self.slices.rest()

    # --- one trip ------------------------------------------------------------------------------

    async def _try_a_trip(self) -> None:
        try:
            async with asyncio.timeout(self._trip_timeout_s):
                await self._trip()
        except TimeoutError:
            self._page = self._page.smaller()
            self._woken.set()
            _log.warning("change_page_too_slow", rows_next=self._page.rows)
        except (Refusal, SQLAlchemyError, OSError) as error:
            _log.warning("lease_not_renewed", error=repr(error))

    async def _trip(self) -> None:
        """Read and apply a page, renew the lease, and report how far this process has come."""
        asked_at_s = self._loop.time()
        under_a_lease = asked_at_s < self._held_until_s
        async with self._database.connect() as connection:
            more = await self._pull(connection)
            renewed = await processes.renew(connection, self._process, self.snapshot.sequence)
            if not renewed:
                await self._register_again(connection)
            await self._measure(connection)
            await connection.commit()
        if not renewed:
            self.lease.until_s = min(self.lease.until_s, asked_at_s)
        if not renewed or self._loop.time() >= self._held_until_s:
            under_a_lease = self._complete = False  # there was none, or may have been none
        self._held_until_s = asked_at_s + PROCESS_LEASE_S
        self._complete = self._complete or (under_a_lease and not more)
        if self._complete:
            self.lease.until_s = self._held_until_s
        if more or not self._complete:
            self._woken.set()

    async def _register_again(self, connection: AsyncConnection) -> None:
        """Register a process whose row is gone: it was taken for dead, or the database is older."""
        await processes.register(connection, self._process, ROLE)
        if await change_log.newest(connection) < self.snapshot.sequence:
            self._lost()

    async def _measure(self, connection: AsyncConnection) -> None:
        """Read the database's clock, and check that the log still holds removals since the last
        trip.
        """
        measured_from_s = self._loop.time()
        database_s = float((await connection.execute(select(_DATABASE_NOW_S))).scalar_one())
        self._clock.measured(database_s, measured_from_s)
        if 0.0 < self._heard_s < database_s - REMOVAL_KEPT_S:
            self._lost()
        self._heard_s = database_s

    def _lost(self) -> None:
        _log.error("change_log_lost", applied=self.snapshot.sequence)
        self._on_lost()

    async def _pull(self, connection: AsyncConnection) -> bool:
        """Apply a page of newer changes and swap the snapshot. Return whether more follow.

        The objects of a large page are taken out of the garbage collector's view, since the page
        lives on and refers to nothing that refers to it; so no collection ever walks through it.
        """
        before = self.snapshot.sequence
        builder = SnapshotBuilder(self.snapshot, _log_fault)
        read = 0

        async def take(rows: list[ChangeRow]) -> None:
            nonlocal read
            read += len(rows)
            await self.slices.work(builder.apply(rows))

        self.applying = True
        try:
            more = await change_log.read_newer(connection, before, self._page, take)
            if read:
                maps = self.snapshot.maps()
                await self._take(connection, builder.finish())
                await self.slices.work(_let_go(maps))
            await self.slices.work(_let_go(builder.replaced))
            if read >= _FROZEN_ROWS:
                gc.freeze()
        finally:
            self.slices.rest()
            self.applying = False
        self._page = self._page.larger(self._whole_page)
        return more

    async def _take(self, connection: AsyncConnection, snapshot: Snapshot) -> None:
        """Swap to the next snapshot; our own keys move before that is acknowledged."""
        if snapshot.message_keys != self.snapshot.message_keys:
            await self._reload_keys(connection)
        self.snapshot = snapshot

    async def _load(self, connection: AsyncConnection) -> None:
        """Load everything, from nothing, before any call is served."""
        newest = await change_log.newest(connection)
        snapshot, more = self.snapshot, True
        async for minute, fingerprints in change_log.read_revoked(connection):
            snapshot.revoked.take(minute, fingerprints)
        snapshot.revoked.settle()
        while more:
            builder = SnapshotBuilder(snapshot, _log_fault)

            async def take(rows: list[ChangeRow], builder: SnapshotBuilder = builder) -> None:
                await self.slices.work(builder.apply(rows))

            more = await change_log.read_present(
                connection, snapshot.sequence, _LOADED_AT_ONCE, take
            )
            snapshot = builder.finish()
        # Changes committed while the rows came in are read again: numbers only grow.
        await self._take(connection, snapshot.at(newest))
        self.slices = Slices()  # discard the slice timings of the initial load


_DATABASE_NOW_S: Final = func.extract("epoch", func.clock_timestamp())


def _let_go(parts: list[Any]) -> Iterator[None]:
    """Free the parts an old snapshot leaves behind one by one: its maps, then its own products."""
    while parts:
        parts.pop()
        yield


def _log_fault(row: ChangeRow, error: ValueError) -> None:
    _log.error("change_makes_no_sense", kind=row.kind, key=row.key, error=repr(error))
