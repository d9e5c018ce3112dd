"""What this process may let through of each subscription: budgets leased from the counters of
record in PostgreSQL, so that a call costs no round trip and a cap is never exceeded.

A subscription's rate is a budget of each clock second, its quota one of each UTC day or month, both
by the database's clock. When a budget is used up, whoever calls waits for one lease that is asked
for all waiting calls of all subscriptions together. Leases are sized by recent demand and by what
can be left; a quota's lease that nobody uses for a second is given back.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from weir.gateway.budget import Budget, Share
from weir.kernel.outcomes import LIMIT_UNCHECKABLE, QUOTA_EXCEEDED, RATE_EXCEEDED, Outcome, Refusal
from weir.metering import budgets
from weir.metering.budgets import Unused, Want
from weir.shelf.published import SubscriptionDocument
from weir.store.database import Database

LEASE_TIMEOUT_S: Final = 2.0
IDLE_S: Final = 1.0  # an unused lease is given back after this
FORGET_S: Final = 60.0  # a subscription that was not called for this long is forgotten
_UNLIMITED: Final = None


class DatabaseClock:
    """The database's time, from this machine's monotonic clock and an offset measured at times."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._offset_s = datetime.now(UTC).timestamp() - loop.time()

    def measured(self, database_s: float, asked_at_s: float) -> None:
        """The database said `database_s` (Unix time) to a question asked at loop time."""
        self._offset_s = database_s - (asked_at_s + self._loop.time()) / 2

    def now_s(self) -> float:
        """The database's Unix time, within half a round trip."""
        return self._loop.time() + self._offset_s


class Allowances:
    """The shares of all subscriptions in this process."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, database: Database, clock: DatabaseClock
    ) -> None:
        self._loop = loop
        self._database = database
        self._clock = clock
        self._shares: dict[str, Share] = {}
        self._wanting: dict[str, Share] = {}
        self._trip: asyncio.Task[None] | None = None

    def take(self, subscription: SubscriptionDocument) -> Awaitable[None] | None:
        """One call of the subscription. Returns what to wait for when a lease must be asked.

        Refusals RATE_EXCEEDED and QUOTA_EXCEEDED (with `retry_after_s`); the wait may end with
        LIMIT_UNCHECKABLE.
        """
        if subscription.rate_per_s is _UNLIMITED and subscription.quota is _UNLIMITED:
            return None
        now_s = self._clock.now_s()
        share = self._shares.get(subscription.id)
        if share is None or share.subscription is not subscription:
            share = self._open(subscription)
        share.turn_to(now_s)
        rate, quota = share.rate, share.quota
        if (rate is None or rate.left) and (quota is None or quota.left):
            share.use(now_s)
            return None
        _refuse_spent(rate, RATE_EXCEEDED, now_s)
        _refuse_spent(quota, QUOTA_EXCEEDED, now_s)
        return self._lease(share)

    def _open(self, subscription: SubscriptionDocument) -> Share:
        share = self._shares.get(subscription.id)
        if share is None:
            share = self._shares[subscription.id] = Share(subscription)
        else:
            share.change_to(subscription)
        return share

    # --- leasing -------------------------------------------------------------------------------

    def _lease(self, share: Share) -> Awaitable[None]:
        """Join the next round trip. All who wait for one share wait for one future."""
        share.waiting += 1
        if share.granted is None:
            share.granted = self._loop.create_future()
            self._wanting[share.subscription.id] = share
        if self._trip is None:
            self._trip = self._loop.create_task(self._round_trips())
        return asyncio.shield(share.granted)

    async def _round_trips(self) -> None:
        """One trip after the other, as long as somebody wants."""
        try:
            while self._wanting:
                shares, self._wanting = list(self._wanting.values()), {}
                refusal = await self._round_trip(shares)
                for share in shares:
                    share.settle(refusal)
                await asyncio.sleep(0)  # those who waited take theirs, or ask again
        finally:
            self._trip = None

    async def _round_trip(self, shares: list[Share]) -> Refusal | None:
        now_s = self._clock.now_s()
        wanting: list[tuple[Budget, Want]] = []
        for share in shares:
            share.turn_to(now_s)
            wanting.extend(share.wants(now_s))
        try:
            async with asyncio.timeout(LEASE_TIMEOUT_S):
                granted = await self._ask([want for _, want in wanting])
        except (Refusal, SQLAlchemyError, TimeoutError, OSError) as error:
            return Refusal(LIMIT_UNCHECKABLE, repr(error))
        now_s = self._clock.now_s()
        for (budget, want), calls in zip(wanting, granted, strict=True):
            budget.receive(want.window, want.want, calls, now_s)
        return None

    async def _ask(self, wants: list[Want]) -> list[int]:
        async with self._database.connect() as connection:
            granted = await budgets.lease(connection, wants)
            await connection.commit()
        return granted

    # --- giving back ---------------------------------------------------------------------------

    async def give_back_idle(self) -> None:
        """Return what was not used lately, so that other processes may have it."""
        now_s = self._clock.now_s()
        idle: list[Unused] = []
        for name, share in tuple(self._shares.items()):
            if share.granted is None and share.used_at_s < now_s - IDLE_S:
                idle.extend(share.give_up())
                if share.used_at_s < now_s - FORGET_S:
                    del self._shares[name]
        await self._return(idle)

    async def give_back_all(self) -> None:
        """Return everything; the process ends."""
        if self._trip is not None:
            await self._trip
        await self._return([part for share in self._shares.values() for part in share.give_up()])

    async def _return(self, unused: Iterable[Unused]) -> None:
        """What does not arrive is lost to its window, and never given twice."""
        parts = list(unused)
        if not parts:
            return
        try:
            async with (
                asyncio.timeout(LEASE_TIMEOUT_S),
                self._database.connect() as connection,
            ):
                await budgets.give_back(connection, parts)
                await connection.commit()
        except (Refusal, SQLAlchemyError, TimeoutError, OSError):
            return


def _refuse_spent(budget: Budget | None, outcome: Outcome, now_s: float) -> None:
    if budget is not None and not budget.left and budget.spent_until_s > now_s:
        raise Refusal(outcome, retry_after_s=max(1, math.ceil(budget.ends_s - now_s)))
