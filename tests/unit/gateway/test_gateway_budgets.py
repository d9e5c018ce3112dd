"""Budgets leased ahead: never more than the cap over all processes, whatever happens when."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest
from gateway_support import subscription
from hypothesis import given, settings
from hypothesis import strategies as st

from weir.gateway.budgets.allowances import Allowances, DatabaseClock
from weir.gateway.budgets.budget import Budget
from weir.kernel.outcomes import Refusal
from weir.metering.counters.budgets import Unused, Want

NOON = 1_800_000_000.5


class HandClock(DatabaseClock):
    """Time that the test moves."""

    def __init__(self) -> None:
        self.at_s = NOON

    def now_s(self) -> float:
        return self.at_s


class Counters:
    """The counters of record, by the rule of `weir.metering.counters.budgets`."""

    def __init__(self) -> None:
        self.granted: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.trips = 0
        self.away = False

    async def lease(self, wants: Sequence[Want]) -> list[int]:
        await asyncio.sleep(0)
        if self.away:
            raise OSError("away")
        self.trips += 1
        return [self._lease_one(want) for want in wants]

    def _lease_one(self, want: Want) -> int:
        key = (want.subscription, want.window)
        calls = max(0, min(want.want, want.cap - self.granted[key]))
        self.granted[key] += calls
        return calls

    async def give_back(self, unused: Sequence[Unused]) -> None:
        for part in unused:
            self.granted[part.subscription, part.window] -= part.calls
            assert self.granted[part.subscription, part.window] >= 0


def process(counters: Counters, clock: HandClock) -> Allowances:
    """What one gateway process holds, leased from counters in memory."""
    return Allowances(asyncio.get_running_loop(), counters, clock)


async def call(process: Allowances, plan: object) -> str:
    """One call as the limit phase makes it: taken again after every wait."""
    while True:
        try:
            waiting = process.take(plan)  # type: ignore[arg-type]
            if waiting is None:
                return "passed"
            await waiting
        except Refusal as refusal:
            return refusal.outcome.code


async def calls(processes: Sequence[Allowances], plan: object, count: int) -> dict[str, int]:
    outcomes: defaultdict[str, int] = defaultdict(int)
    for outcome in await asyncio.gather(
        *(call(processes[number % len(processes)], plan) for number in range(count))
    ):
        outcomes[outcome] += 1
    return dict(outcomes)


def house(count: int) -> tuple[list[Allowances], Counters, HandClock]:
    counters, clock = Counters(), HandClock()
    return [process(counters, clock) for _ in range(count)], counters, clock


_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 2), st.integers(1, 30)),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 0.3, 1.1, 5.0]), st.just(0)),
        st.tuples(st.just("idle"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("die"), st.integers(0, 2), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(cap=st.integers(0, 120), events=_EVENTS)
def test_a_quota_is_never_exceeded(cap: int, events: list[tuple[str, float, int]]) -> None:
    async def play() -> None:
        processes, counters, clock = house(3)
        plan = subscription(quota=cap, quota_period="day")
        passed = 0
        for kind, which, count in events:
            if kind == "wait":
                clock.at_s += which
            elif kind == "call":
                passed += (await calls([processes[int(which)]], plan, count)).get("passed", 0)
            elif kind == "idle":
                await processes[int(which)].give_back_idle()
            else:  # dies without giving back
                processes[int(which)] = process(counters, clock)
            assert passed <= sum(counters.granted.values()) <= cap

    asyncio.run(play())


@settings(max_examples=60, deadline=None)
@given(cap=st.integers(1, 60), at=st.lists(st.floats(0, 0.4), min_size=1, max_size=40))
def test_a_rate_is_never_exceeded_in_any_second(cap: int, at: list[float]) -> None:
    async def play() -> None:
        processes, _, clock = house(2)
        plan = subscription(rate_per_s=cap)
        passed: defaultdict[int, int] = defaultdict(int)
        for number, pause_s in enumerate(at):
            clock.at_s += pause_s
            outcomes = await calls([processes[number % 2]], plan, 15)
            passed[int(clock.at_s)] += outcomes.get("passed", 0)
        assert max(passed.values()) <= cap

    asyncio.run(play())


async def test_with_time_to_give_back_exactly_the_quota_passes() -> None:
    processes, _, clock = house(3)
    plan = subscription(quota=100, quota_period="month")
    passed = 0
    for _ in range(12):
        passed += (await calls(processes, plan, 30)).get("passed", 0)
        for _ in range(3):
            clock.at_s += 1.1
            for process in processes:
                await process.give_back_idle()
    assert passed == 100


async def test_a_hundred_waiting_calls_make_one_trip_and_one_ahead() -> None:
    processes, counters, _ = house(1)
    assert await calls(processes, subscription(quota=10_000, quota_period="day"), 100) == {
        "passed": 100
    }
    assert counters.trips <= 2


async def test_steady_calls_cost_ever_fewer_trips() -> None:
    processes, counters, clock = house(1)
    plan = subscription(quota=10_000_000, quota_period="day", rate_per_s=100_000)
    for _ in range(1_000):
        await calls(processes, plan, 1)
        clock.at_s += 0.000_2
    assert counters.trips < 20


@pytest.mark.parametrize(
    ("plan", "code", "retry_after_s"),
    [
        (subscription(quota=0, quota_period="day"), "quota_exceeded", range(1, 86_401)),
        (subscription(quota=0, quota_period="month"), "quota_exceeded", range(1, 31 * 86_400)),
        (subscription(rate_per_s=0), "rate_exceeded", range(1, 2)),
    ],
)
async def test_nothing_means_nothing_and_says_when_to_come_again(
    plan: object, code: str, retry_after_s: range
) -> None:
    processes, counters, _ = house(1)
    with pytest.raises(Refusal) as refused:
        processes[0].take(plan)  # type: ignore[arg-type]
    assert refused.value.outcome.code == code
    assert refused.value.public["retry_after_s"] in retry_after_s
    assert counters.trips == 0


async def test_unlimited_asks_nobody() -> None:
    processes, counters, _ = house(1)
    assert await calls(processes, subscription(), 1_000) == {"passed": 1_000}
    assert counters.trips == 0


async def test_when_the_counters_are_away_leased_calls_still_pass() -> None:
    processes, counters, clock = house(1)
    plan = subscription(quota=1_000, quota_period="day")
    for _ in range(40):  # some demand, so that something is leased ahead
        await calls(processes, plan, 1)
        clock.at_s += 0.01
    counters.away = True
    outcomes = await calls(processes, plan, 200)
    assert outcomes["passed"] > 0
    assert outcomes["limit_uncheckable"] == 200 - outcomes["passed"]
    counters.away = False
    assert await calls(processes, plan, 1) == {"passed": 1}


async def test_a_plan_that_shrinks_to_nothing_stops_at_once_and_one_that_grows_goes_on() -> None:
    processes, _, clock = house(1)
    assert await calls(processes, subscription(quota=5, quota_period="day"), 9) == {
        "passed": 5,
        "quota_exceeded": 4,
    }
    clock.at_s += 1
    assert await calls(processes, subscription(quota=8, quota_period="day"), 9) == {
        "passed": 3,
        "quota_exceeded": 6,
    }
    assert await calls(processes, subscription(quota=0, quota_period="day"), 1) == {
        "quota_exceeded": 1
    }
    assert await calls(processes, subscription(), 1) == {"passed": 1}


async def test_a_new_day_is_a_new_quota() -> None:
    processes, _, clock = house(1)
    plan = subscription(quota=5, quota_period="day")
    assert (await calls(processes, plan, 6))["passed"] == 5
    clock.at_s += 86_400
    assert (await calls(processes, plan, 6))["passed"] == 5


def test_a_months_window_ends_with_the_month() -> None:
    budget = Budget("month", 1)
    budget.turn_to(1_801_439_999.0)  # 2027-01-31T23:59:59Z
    assert (budget.window, budget.ends_s) == ("m:2027-01", 1_801_440_000.0)
    budget.turn_to(1_801_440_000.0)
    assert budget.window == "m:2027-02"


async def test_a_forgotten_subscription_leaves_nothing_behind() -> None:
    processes, _, clock = house(1)
    await calls(processes, subscription(quota=5, quota_period="day"), 1)
    for _ in range(70):
        clock.at_s += 1
        await processes[0].give_back_idle()
    assert not processes[0]._shares
