"""Re-openings: a closed period is opened again, with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from weir.api.guard import ServicesDep, new_router
from weir.api.models import Given, Page, Shown, Text
from weir.api.writes import Writes
from weir.settlement.closing import reopenings
from weir.settlement.declares import REASON_CHARACTERS
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class ReopeningGiven(Given):
    """The closed period to open again, and the reason."""

    period: Text
    currency: Text
    reason: Annotated[str, Field(max_length=REASON_CHARACTERS)]


class ReopeningView(Shown):
    """A period that was opened again: its `closings` count no more, their postings are reversed."""

    id: str
    period: str
    currency: str
    reason: str
    closings: list[str]
    reversed_postings: int
    reopened_at: datetime
    reopened_by: str


@router.post(
    "/reopenings",
    operation_id="reopen_period",
    status_code=201,
    summary="Open a closed period again and reverse its postings",
)
async def reopen_period(given: ReopeningGiven, writing: Writes) -> ReopeningView:
    async def work(unit: UnitOfWork) -> ReopeningView:
        made = await reopenings.reopen(
            unit, period=given.period, currency=given.currency, reason=given.reason
        )
        return ReopeningView.model_validate(made)

    return await writing.run(ReopeningView, work)


@router.get(
    "/reopenings",
    operation_id="list_reopenings",
    summary="List the newest re-openings, newest first",
)
async def list_reopenings(services: ServicesDep) -> Page[ReopeningView]:
    async with services.database.connect() as connection:
        found = await reopenings.listed(connection)
    return Page(items=[ReopeningView.model_validate(each) for each in found])
