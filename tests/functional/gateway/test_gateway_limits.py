"""Rates and quotas over several processes: exact, and honest when they cannot be checked."""

from __future__ import annotations

import asyncio
from collections import Counter

import psycopg
import pytest
from gateway_lab import Desk, GatewayProcess, Lab
from raw_caller import Caller
from sqlalchemy.engine import make_url

from waits import PATIENCE_S, until
from weir.gateway.budgets.allowances import IDLE_S


@pytest.fixture(scope="module")
async def pair(lab: Lab) -> list[GatewayProcess]:
    return [await lab.start_gateway(), await lab.start_gateway()]


async def fire(
    lab: Lab, pair: list[GatewayProcess], application: str, calls: int, lanes: int = 4
) -> Counter[str]:
    """`calls` calls over `lanes` connections to each process; outcomes by code."""
    token = await lab.token(application)
    outcomes: Counter[str] = Counter()

    async def lane(gateway: GatewayProcess, count: int) -> None:
        caller = await Caller.connect(gateway.mtls_port, lab.tls(application))
        for _ in range(count):
            answer = await Desk(caller, token).call("GET", "/rates")
            outcomes["passed" if answer.status == 200 else answer.code] += 1
            if answer.status == 429:
                assert int(answer.headers["retry-after"]) >= 1
        await caller.close()

    share = calls // (lanes * len(pair))
    await asyncio.gather(*(lane(gateway, share) for gateway in pair for _ in range(lanes)))
    return outcomes


async def test_exactly_the_quota_passes_over_two_processes(
    lab: Lab, pair: list[GatewayProcess]
) -> None:
    await lab.add_application("app_hundred", quota=100, quota_period="day")
    await lab.republish(lab.subscription("app_hundred", quota=100, quota_period="day"))
    passed = 0
    async with asyncio.timeout(PATIENCE_S):
        while passed < 100:
            outcomes = await fire(lab, pair, "app_hundred", 24 if passed else 304)
            passed += outcomes["passed"]
            assert set(outcomes) <= {"passed", "quota_exceeded"}
            await asyncio.sleep(IDLE_S + 0.2)  # unused leases are given back
    assert passed == 100
    assert await fire(lab, pair, "app_hundred", 40) == {"quota_exceeded": 40}
    records = [each for each in lab.records() if each.application == "app_hundred"]
    assert sum(each.status == 200 for each in records) == 100


async def test_a_rate_holds_in_every_second_over_two_processes(
    lab: Lab, pair: list[GatewayProcess]
) -> None:
    await lab.add_application("app_rated", rate_per_s=20)
    await lab.republish(lab.subscription("app_rated", rate_per_s=20))
    outcomes = await fire(lab, pair, "app_rated", 800)
    assert set(outcomes) <= {"passed", "rate_exceeded"}
    # Every window is a row; what it granted bounds what passed in it.
    url = make_url(lab.database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        rows = connection.execute(
            "SELECT granted FROM budgets WHERE subscription = 'sub_app_rated'"
        ).fetchall()
    assert rows
    assert all(granted <= 20 for (granted,) in rows)
    assert outcomes["passed"] <= sum(granted for (granted,) in rows)
    assert outcomes["passed"] >= 20


async def test_a_quota_of_zero_means_none_and_unlimited_means_all(
    lab: Lab, pair: list[GatewayProcess]
) -> None:
    await lab.add_application("app_none", quota=0, quota_period="month")
    await lab.add_application("app_all")
    await lab.republish(lab.subscription("app_all"))
    assert await fire(lab, pair, "app_none", 16) == {"quota_exceeded": 16}
    assert await fire(lab, pair, "app_all", 200) == {"passed": 200}


async def test_what_a_stopped_process_did_not_use_is_there_for_others(lab: Lab) -> None:
    await lab.add_application("app_heir", quota=60, quota_period="day")
    first = await lab.start_gateway()
    outcomes = await fire(lab, [first], "app_heir", 20)
    assert outcomes == {"passed": 20}
    assert first.stop() == 0
    second = await lab.start_gateway()
    passed = 0
    async with asyncio.timeout(PATIENCE_S):
        while passed < 40:
            passed += (await fire(lab, [second], "app_heir", 40))["passed"]
            await asyncio.sleep(IDLE_S + 0.2)
    assert passed == 40
    assert await fire(lab, [second], "app_heir", 40) == {"quota_exceeded": 40}
    second.kill()


async def test_without_the_counters_limited_calls_are_refused_and_others_flow(lab: Lab) -> None:
    """The database refuses connections: what was leased still passes, then the truth is told."""
    await lab.add_application("app_counted", quota=1_000, quota_period="day")
    await lab.add_application("app_free")
    gateway = await lab.start_gateway()
    counted = Desk(
        await Caller.connect(gateway.mtls_port, lab.tls("app_counted")),
        await lab.token("app_counted"),
    )
    free = Desk(
        await Caller.connect(gateway.mtls_port, lab.tls("app_free")), await lab.token("app_free")
    )
    assert (await counted.call("GET", "/rates")).status == 200
    await lab.database.engine.dispose()
    url = make_url(lab.database_url)
    admin = make_url(lab.admin_url).set(drivername="postgresql")
    with psycopg.connect(
        admin.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (url.database,),
        )
        try:
            codes = []
            for _ in range(30):
                answer = await counted.call("GET", "/rates")
                codes.append("passed" if answer.status == 200 else answer.code)
            assert set(codes) <= {"passed", "limit_uncheckable"}
            assert codes[-1] == "limit_uncheckable"
            assert (await free.call("GET", "/rates")).status == 200
        finally:
            connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true")

    async def is_counted() -> bool:
        return (await counted.call("GET", "/rates")).status == 200

    await until(is_counted)
    await lab.republish(lab.subscription("app_free"))  # the others have found the database too
    gateway.kill()
