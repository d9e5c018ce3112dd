"""Call records: how many calls ended how. Everybody counts those on either of their sides."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import Query

from weir.api.guard import Asking, Using, new_router
from weir.api.models import Page, Shown
from weir.kernel import inputs
from weir.kernel.declares import NAME_CHARACTERS, PAGE_ROWS, TRAFFIC_DAYS
from weir.metering.lake import manifest, queries, traffic
from weir.partners import applications
from weir.shelf import products

router = new_router("records")

Day = Annotated[
    str | None, Query(pattern=r"^\d{4}-\d\d-\d\d$", description="A day of UTC, included.")
]
AfterFile = Annotated[
    str, Query(max_length=200, pattern=r"^[\w./=-]*$", description="`next` of the page before.")
]


class CallCount(Shown):
    """Calls of one application to one product that ended one way."""

    application: str | None
    product: str | None
    status: int
    refusal: str | None
    calls: int


@router.get(
    "/records/counts",
    operation_id="count_calls",
    summary="Calls by application, product, status and refusal",
)
async def count_calls(
    caller: Asking, services: Using, since: Day = None, until: Day = None
) -> Page[CallCount]:
    first, last = _day(since, "query:since"), _day(until, "query:until")
    async with services.database.connect() as connection:
        files = await manifest.of_days(connection, first, last)
    counted = await asyncio.to_thread(queries.usage, services.lake, files)
    if caller.kind != "operator":
        async with services.database.connect() as connection:
            own = caller.organisation.id
            calling = await applications.ids_of(connection, own)
            served = await products.ids_of(connection, own)
        counted = [
            each for each in counted if each.application in calling or each.product in served
        ]
    return Page(items=[CallCount.model_validate(each) for each in counted])


@router.get(
    "/records/files",
    operation_id="list_lake_files",
    summary="The files of the lake that are to be read",
)
async def list_lake_files(
    services: Using, since: Day = None, until: Day = None, after: AfterFile = ""
) -> Page[str]:
    """For engines that read the lake themselves: what lies there besides was merged or is not
    counted as stored. Files stay readable for an hour after they leave this list.
    """
    first, last = _day(since, "query:since"), _day(until, "query:until")
    async with services.database.connect() as connection:
        found = await manifest.of_days(connection, first, last, after, PAGE_ROWS)
    return Page(items=found, next=found[-1] if len(found) == PAGE_ROWS else None)


class TrafficRow(Shown):
    """Calls of one kind; `by` says which. Percentiles are at most nine percent too high."""

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
    summary="Calls by any of their dimensions, with percentiles of their durations",
)
async def ask_traffic(
    caller: Asking,
    services: Using,
    by: Annotated[
        list[str] | None, Query(max_length=3, description="What to count by; all calls as one.")
    ] = None,
    only: Annotated[
        list[str] | None, Query(max_length=8, description="`name=value`, to narrow.")
    ] = None,
    since: Day = None,
    until: Day = None,
) -> Page[TrafficRow]:
    """Days are of UTC, both included, a year at most; today when left out."""
    wanted, narrowed = [_dimension(name, "query:by") for name in by or []], _narrowed(only or [])
    today = services.database.clock.now().astimezone(UTC).date()
    first, last = _day(since, "query:since") or today, _day(until, "query:until") or today
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
        files = await manifest.between(connection, begin, end)
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


def _day(text: str | None, pointer: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise inputs.wrong(pointer, "must be a day such as 2026-11-30", "须为日期") from error
