"""Call records: how many calls ended how. Everybody counts those on either of their sides."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated

from fastapi import Query

from weir.api.guarding import Asking, Using, new_router
from weir.api.models import Page, Shown
from weir.kernel import inputs
from weir.metering import asking
from weir.partners import applications
from weir.shelf import products

router = new_router("records")

Day = Annotated[
    str | None, Query(pattern=r"^\d{4}-\d\d-\d\d$", description="A day of UTC, included.")
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
    counted = await asyncio.to_thread(asking.usage, services.lake, first, last)
    if caller.kind != "operator":
        async with services.database.connect() as connection:
            own = caller.organisation.id
            calling = await applications.ids_of(connection, own)
            served = await products.ids_of(connection, own)
        counted = [
            each for each in counted if each.application in calling or each.product in served
        ]
    return Page(items=[CallCount.model_validate(each) for each in counted])


def _day(text: str | None, pointer: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise inputs.wrong(pointer, "must be a day such as 2026-11-30", "须为日期") from error
