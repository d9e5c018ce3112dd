"""Budgets of all subscriptions in this process, leased ahead from the counters of record.

The counters lie in PostgreSQL. Since budgets are leased in advance, a call costs no round trip and
a cap is never exceeded.

A subscription's rate is a budget of each clock second, its quota a budget of each UTC day or month,
both by the database's clock. When a budget is used up, its callers wait for one lease that is asked
for all waiting calls of all subscriptions together. Leases are sized by recent demand and by what
the cap can have left; a quota's lease that no call used for a second is given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, final

from mypy_extensions import mypyc_attr

from weir.gateway.budgets.budget import Budget, Share
from weir.gateway.declares import LIMIT_UNCHECKABLE
from weir.kernel.outcomes import Refusal
from weir.metering.counters.budgets import Unused, Want
from weir.shelf.published import SubscriptionDocument

IDLE_S: Final = 1.0  # an unused lease is given back after this
FORGET_S: Final = 60.0  # a subscription that was not called for this long is forgotten


class Counters(Protocol):
    """The counters of record, asked in one round trip each; see `counters.py`."""

    async def lease(self, wants: Sequence[Want]) -> list[int]:
        """Return how many calls are granted for each want, in their
        order. When it raises, none is.
        """

    async def give_back(self, unused: Sequence[Unused]) -> None:
        """Return unused calls. Calls that do not arrive are lost to their window, never given
        twice.
        """


@mypyc_attr(allow_interpreted_subclasses=True)
class DatabaseClock:
    """The database's time, from this machine's monotonic clock and an offset measured at times."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._offset_s = datetime.now(UTC).timestamp() - loop.time()

    def measured(self, database_s: float, asked_at_s: float) -> None:
        """Set the offset: the database said `database_s` (Unix time), asked at loop time
        `asked_at_s`.
        """
        self._offset_s = database_s - (asked_at_s + self._loop.time()) / 2

    def now_s(self) -> float:
        """Return the database's Unix time, within half a round trip."""
        return self._loop.time() + self._offset_s


@final
class Allowances:
    """The shares of all subscriptions in this process."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, counters: Counters, clock: DatabaseClock
    ) -> None:
        self._loop = loop
        self._counters = counters
        self._clock = clock
        self._shares: dict[str, Share] = {}
        self._wanting: dict[str, Share] = {}
        self._trip: asyncio.Task[None] | None = None

    def take(self, subscription: SubscriptionDocument) -> Awaitable[None] | None:
        """Take one call of the subscription. Return an awaitable when a lease must be asked for.

        Refusals RATE_EXCEEDED and QUOTA_EXCEEDED (with `retry_after_s`); the wait may end with
        LIMIT_UNCHECKABLE.
        """
        if subscription.rate_per_s is None and subscription.quota is None:
            return None
        share = self._shares.get(subscription.id)
        now_s = self._clock.now_s()
        if share is None or share.subscription is not subscription or now_s >= share.until_s:
            share = self._turned(subscription, now_s)
        if share.ready <= share.low and not self._top_up(share, now_s):
            refusal = share.refusal(now_s)
            if refusal is not None:
                raise refusal
            return self._lease(share)
        share.ready -= 1
        return None

    def _turned(self, subscription: SubscriptionDocument, now_s: float) -> Share:
        """Return the subscription's share, under its present terms and in its present windows."""
        share = self._shares.get(subscription.id)
        if share is None:
            share = self._shares[subscription.id] = Share(subscription)
        elif share.subscription is not subscription:
            share.change_to(subscription)
        share.turn_to(now_s)
        return share

    def _top_up(self, share: Share, now_s: float) -> bool:
        """Draw calls, and ask for more before the last one is gone. Return whether one is left."""
        share.draw()
        if share.ready <= share.low and share.granted is None and share.refusal(now_s) is None:
            self._ask_soon(share)
        return share.ready > 0

    # --- leasing -------------------------------------------------------------------------------

    def _lease(self, share: Share) -> Awaitable[None]:
        """Join the next round trip. All calls that wait for one share wait for one future."""
        share.waiting += 1
        return asyncio.shield(share.granted or self._ask_soon(share))

    def _ask_soon(self, share: Share) -> asyncio.Future[None]:
        """Have the next round trip ask for this share. Return the future of its lease."""
        share.granted = granted = self._loop.create_future()
        self._wanting[share.subscription.id] = share
        if self._trip is None:
            self._trip = self._loop.create_task(self._round_trips())
        return granted

    async def _round_trips(self) -> None:
        """Make one trip after the other, as long as a share wants calls."""
        try:
            while self._wanting:
                shares, self._wanting = list(self._wanting.values()), {}
                refusal = await self._round_trip(shares)
                for share in shares:
                    share.settle(refusal)
                await asyncio.sleep(0)  # the waiting calls take theirs, or ask again
        finally:
            self._trip = None

    async def _round_trip(self, shares: list[Share]) -> Refusal | None:
        """Lease for all shares in one trip. Return the refusal when the counters cannot answer."""
        now_s = self._clock.now_s()
        wanting: list[tuple[Budget, Want]] = []
        for share in shares:
            share.turn_to(now_s)
            wanting.extend(share.wants(now_s))
        try:
            granted = await self._counters.lease([want for _, want in wanting])
        except Exception as error:  # of any kind: the waiting calls must hear of it
            return Refusal(LIMIT_UNCHECKABLE, repr(error))
        now_s = self._clock.now_s()
        for (budget, want), calls in zip(wanting, granted, strict=True):
            budget.receive(want.window, want.want, calls, now_s)
        return None

    # --- giving back ---------------------------------------------------------------------------

    async def give_back_idle(self) -> None:
        """Give back the quota of subscriptions not called lately, so that other processes may use
        it.
        """
        now_s = self._clock.now_s()
        idle: list[Unused] = []
        for name, share in tuple(self._shares.items()):
            idle_s = share.idle_for(now_s)
            if idle_s >= IDLE_S:
                idle.extend(share.give_up())
            if idle_s >= FORGET_S:
                del self._shares[name]
        if idle:
            await self._counters.give_back(idle)

    async def give_back_all(self) -> None:
        """Give back every leased call, when the process ends."""
        if self._trip is not None:
            await self._trip
        unused = [part for share in self._shares.values() for part in share.give_up()]
        if unused:
            await self._counters.give_back(unused)
