"""Call records: counts by outcome, and the files of the lake."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated

from fastapi import Query

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Page, Shown
from weir.kernel import inputs
from weir.kernel.declares import PAGE_ROWS
from weir.metering.lake import manifest, queries
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
    """The number of calls of one application to one product with one result."""

    application: str | None
    product: str | None
    status: int
    refusal: str | None
    calls: int


@router.get(
    "/records/counts",
    operation_id="count_calls",
    summary="Count the calls by application, product, status and refusal",
)
async def count_calls(
    caller: CallerDep, services: ServicesDep, since: Day = None, until: Day = None
) -> Page[CallCount]:
    first, last = read_day(since, "query:since"), read_day(until, "query:until")
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
    summary="List the files of the lake that other engines should read",
)
async def list_lake_files(
    services: ServicesDep, since: Day = None, until: Day = None, after: AfterFile = ""
) -> Page[str]:
    """Read these files and no others with your own engine: the lake also holds files that were
    merged or do not count as stored. A file stays readable for an hour after it leaves this list.
    """
    first, last = read_day(since, "query:since"), read_day(until, "query:until")
    async with services.database.connect() as connection:
        found = await manifest.of_days(connection, first, last, after, PAGE_ROWS)
    return Page(items=found, next=found[-1] if len(found) == PAGE_ROWS else None)


def read_day(text: str | None, pointer: str) -> date | None:
    """Return the day of a query value, or None without one. INVALID_INPUT at `pointer`."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise inputs.wrong(pointer, "must be a day such as 2026-11-30", "须为日期") from error
