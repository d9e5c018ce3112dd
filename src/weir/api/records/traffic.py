"""Traffic: calls by any of their dimensions. Each party counts the calls on either of its sides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Annotated

from fastapi import Query

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Page, Shown
from weir.api.records.records import Day, read_day
from weir.kernel import inputs
from weir.kernel.declares import NAME_CHARACTERS, TRAFFIC_DAYS
from weir.metering.lake import manifest, traffic

router = new_router("records")


class TrafficRow(Shown):
    """The calls that share the values in `by`. Percentiles are at most nine percent too high."""

    by: dict[str, str | None]
    calls: int
    refused: int
    bytes_in: int
    bytes_out: int
    p50_us: int
    p95_us: int
    p99_us: int


@router.get(
    "/records/traffic",
    operation_id="ask_traffic",
    summary="Count calls by the dimensions you choose, with percentiles of their duration",
)
async def ask_traffic(
    caller: CallerDep,
    services: ServicesDep,
    by: Annotated[
        list[str] | None,
        Query(max_length=3, description="Dimensions to count by; all calls as one."),
    ] = None,
    only: Annotated[
        list[str] | None, Query(max_length=8, description="`name=value`: count only these calls.")
    ] = None,
    since: Day = None,
    until: Day = None,
) -> Page[TrafficRow]:
    """Days are UTC days, both included, at most a year; without them it is today."""
    wanted, narrowed = [_dimension(name, "query:by") for name in by or []], _narrowed(only or [])
    today = services.database.clock.now().astimezone(UTC).date()
    first, last = read_day(since, "query:since") or today, read_day(until, "query:until") or today
    first, last = min(first, today), min(last, today)
    if (last - first).days >= TRAFFIC_DAYS:
        most = TRAFFIC_DAYS
        raise inputs.wrong(
            "query:since",
            f"must be within {most} days of until",
            f"与 until 相距不得超过 {most} 天",
        )
    begin = datetime.combine(first, time(), UTC)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    party = None if caller.kind == "operator" else caller.organisation.id
    text, values = traffic.question(wanted, narrowed, begin, end, party)
    async with services.database.connect() as connection:
        files = await manifest.list_files(connection, begin, end)
    found = await asyncio.to_thread(traffic.ask, services.lake, files, wanted, text, values)
    return Page(items=[_row(each) for each in found])


def _row(each: traffic.Traffic) -> TrafficRow:
    return TrafficRow(
        by=each.by,
        calls=each.calls,
        refused=each.refused,
        bytes_in=each.bytes_in,
        bytes_out=each.bytes_out,
        p50_us=each.percentile_us(0.5),
        p95_us=each.percentile_us(0.95),
        p99_us=each.percentile_us(0.99),
    )


def _dimension(name: str, pointer: str) -> str:
    return inputs.choice(name, traffic.DIMENSIONS, pointer)


def _narrowed(given: list[str]) -> dict[str, str]:
    found = {}
    for each in given:
        name, _, value = each.partition("=")
        found[_dimension(name, "query:only")] = value[:NAME_CHARACTERS]
    return found
