"""One process's part of a subscription's budgets. Pure: it takes the time and does no I/O."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from weir.gateway.declares import QUOTA_EXCEEDED
from weir.kernel.declares import RATE_EXCEEDED
from weir.kernel.outcomes import Refusal
from weir.metering.counters.budgets import Period, Unused, Want, window_of
from weir.shelf.published import SubscriptionDocument

# A lease asks at most for this part of what the cap can have left, however large the demand.
LEASE_PART: Final = 16
# A lease is asked for this long ahead, from the calls since the last one, over this at least.
AHEAD_S: Final = 1.0
SHORTEST_DEMAND_S: Final = 0.05
# More is asked for when this part of the last lease is left.
LOW_PART: Final = 4
# A quota that gave less than was asked is asked again after this: others may have given back.
ASK_AGAIN_S: Final = 0.25


class Budget:
    """The calls left here of one window, and how many were used lately."""

    __slots__ = (
        "_asked_at_s",
        "_granted",
        "cap",
        "ends_s",
        "left",
        "period",
        "spent_until_s",
        "used",
        "window",
    )

    def __init__(self, period: Period, cap: int) -> None:
        self.period: Period = period
        self.cap = cap
        self.window = ""
        self.ends_s = 0.0  # when the window ends, in the database's Unix time
        self.left = 0
        self.used = 0  # calls since the last lease: the demand
        self.spent_until_s = 0.0  # before this it is of no use to ask
        self._granted = 0  # in this window, to this process
        self._asked_at_s = 0.0

    def turn_to(self, now_s: float) -> None:
        """Begin a new window when the present one is over. Calls left of the old one are void."""
        if now_s < self.ends_s:
            return
        now = datetime.fromtimestamp(now_s, UTC)
        self.window = window_of(self.period, now)
        self.ends_s = _end_of(self.period, now)
        self.left = self._granted = 0
        self.spent_until_s = self.ends_s if self.cap == 0 else 0.0

    def change_cap(self, cap: int) -> None:
        """Follow a change of the plan. A cap of 0 voids even the calls leased before."""
        self.cap = cap
        self.spent_until_s = self.ends_s if cap == 0 else 0.0
        if cap == 0:
            self.left = 0

    def want(self, waiting: int, now_s: float) -> int:
        """Return how many calls to ask for: the waiting ones, and the use of a recent second ahead.

        The part ahead is bounded by what the cap can have left, so that the last calls are spread
        over the processes.
        """
        per_s = self.used / max(now_s - self._asked_at_s, SHORTEST_DEMAND_S)
        demand = int(per_s * min(AHEAD_S, max(0.0, self.ends_s - now_s)))
        part = max(0, self.cap - self._granted) // LEASE_PART
        self.used, self._asked_at_s = 0, now_s
        return max(1, waiting + min(demand, part))

    def receive(self, window: str, wanted: int, calls: int, now_s: float) -> None:
        """Take in a lease. One smaller than `wanted` means that the window is spent for now."""
        if window != self.window:
            return
        self.left += calls
        self._granted += calls
        if calls < wanted:
            again_s = self.ends_s if self.period == "second" else now_s + ASK_AGAIN_S
            self.spent_until_s = min(self.ends_s, again_s)

    def give_up(self) -> int:
        """Take the calls left out of use, to be given back. Return their number."""
        calls, self.left = self.left, 0
        self._granted -= calls
        return calls


def _end_of(period: Period, now: datetime) -> float:
    if period == "second":
        return float(int(now.timestamp()) + 1)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return (day + timedelta(days=1)).timestamp()
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1).timestamp()


class Share:
    """A subscription's budgets in this process, and the number of calls that wait for them.

    `ready` calls were drawn from all budgets together, so that a call takes one number down; they
    are put back when a window ends. When `ready` falls to `low`, more is asked for in time.
    """

    __slots__ = (
        "_drawn",
        "_mark",
        "_marked_at_s",
        "granted",
        "low",
        "quota",
        "rate",
        "ready",
        "subscription",
        "until_s",
        "waiting",
    )

    def __init__(self, subscription: SubscriptionDocument) -> None:
        self.rate: Budget | None = None
        self.quota: Budget | None = None
        self.ready = 0
        self.low = 0
        self.until_s = 0.0  # when the first of the windows ends
        self.waiting = 0
        self.granted: asyncio.Future[None] | None = None
        self._drawn = 0  # ever
        self._mark = (0, 0)
        self._marked_at_s = 0.0
        self.change_to(subscription)

    def _budgets(self) -> Iterator[Budget]:
        if self.rate is not None:
            yield self.rate
        if self.quota is not None:
            yield self.quota

    def change_to(self, subscription: SubscriptionDocument) -> None:
        """Follow a change of the plan; leased calls stay counted."""
        self.put_back()
        self.subscription = subscription
        self.rate = _changed(self.rate, "second", subscription.rate_per_s)
        self.quota = _changed(self.quota, subscription.quota_period or "month", subscription.quota)

    def turn_to(self, now_s: float) -> None:
        """Move every budget to the present window."""
        self.put_back()
        for budget in self._budgets():
            budget.turn_to(now_s)
        self.until_s = min(budget.ends_s for budget in self._budgets())

    def draw(self) -> None:
        """Take out of every budget as many calls as all of them have."""
        calls = min(budget.left for budget in self._budgets())
        for budget in self._budgets():
            budget.left -= calls
            budget.used += calls
        self.ready += calls
        self._drawn += calls

    def put_back(self) -> None:
        """Return the drawn calls that were not taken."""
        for budget in self._budgets():
            budget.left += self.ready
            budget.used -= self.ready
        self._drawn -= self.ready
        self.ready = 0

    def refusal(self, now_s: float) -> Refusal | None:
        """Return the refusal while asking for more is of no use, else None."""
        for budget, outcome in ((self.rate, RATE_EXCEEDED), (self.quota, QUOTA_EXCEEDED)):
            if budget is not None and not budget.left and budget.spent_until_s > now_s:
                wait_s = max(1, math.ceil(budget.ends_s - now_s))
                return Refusal(outcome, retry_after_s=wait_s)
        return None

    def wants(self, now_s: float) -> Iterator[tuple[Budget, Want]]:
        """Return the wants of the budgets that have too little left for the waiting calls."""
        self.put_back()
        for budget in self._budgets():
            short = self.waiting - budget.left
            if budget.spent_until_s <= now_s and (short >= 0 or budget.left <= self.low):
                calls = budget.want(max(0, short), now_s)
                yield budget, Want(self.subscription.id, budget.window, budget.cap, calls)

    def settle(self, refusal: Refusal | None) -> None:
        """Wake the waiting calls; they take what came, or are refused."""
        self.draw()
        self.low = self.ready // LOW_PART
        granted, self.granted, self.waiting = self.granted, None, 0
        if granted is None or granted.done():
            return
        if refusal is None:
            granted.set_result(None)
        else:
            granted.set_exception(refusal)
            granted.exception()  # seen, even if every waiting caller has left meanwhile

    def idle_for(self, now_s: float) -> float:
        """Return the seconds since the last call that was noticed; asked about once a second."""
        mark = (self._drawn, self.ready)
        if mark != self._mark or self.granted is not None:
            self._mark, self._marked_at_s = mark, now_s
        return now_s - self._marked_at_s

    def give_up(self) -> Iterator[Unused]:
        """Take the quota's calls out of use, to be given back. A second's rate ends too soon for
        that.
        """
        self.put_back()
        self._mark = (self._drawn, self.ready)
        quota = self.quota
        if quota is not None and quota.left:
            yield Unused(self.subscription.id, quota.window, quota.give_up())


def _changed(budget: Budget | None, period: Period, cap: int | None) -> Budget | None:
    if cap is None:
        return None
    if budget is None or budget.period != period:
        return Budget(period, cap)
    budget.change_cap(cap)
    return budget
