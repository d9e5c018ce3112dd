"""Closings: ask for a period to be closed, and read how far its closing is."""

from __future__ import annotations

from datetime import datetime

from weir.api.guard import ServicesDep, new_router
from weir.api.models import After, Given, Name, Page, Shown, Text, next_of
from weir.api.writes import Writes
from weir.settlement.closing import jobs
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class PeriodGiven(Given):
    """A month such as `2026-11`, or an ISO 8601 interval of two UTC times.

    With `settle`, what is owed is netted too and payment messages are handed over.
    """

    period: Text
    currency: Text
    settle: bool = False


class StepView(Shown):
    """A step that is done; `slot` is the worker's."""

    step: str
    slot: int
    done_at: datetime


class ClosingView(Shown):
    """A closing that was asked for, and how far it is: `to_do` are the steps ahead of it.

    Once its `status` is `done` it has `statements` by party; `is_new` is false when there was
    nothing to add to the closing before. One that `failed` says by which refusal.
    """

    job: str
    period: str
    currency: str
    settle: bool
    status: jobs.Status
    steps: list[StepView]
    to_do: list[str]
    slot: int | None
    release: str | None
    requested_at: datetime
    ended_at: datetime | None
    failure: str | None
    closing: str | None
    version: int | None
    supplement: int | None
    statements: dict[str, str]
    is_new: bool | None
    round: str | None


@router.post(
    "/closings",
    operation_id="close_period",
    status_code=202,
    summary="Ask for a period to be closed over all call records in the lake",
)
async def close_period(given: PeriodGiven, writing: Writes) -> ClosingView:
    """A worker does it; the answer's `job` says how far it is. What is closed is closed once."""

    async def work(unit: UnitOfWork) -> ClosingView:
        job = await jobs.request(
            unit, period=given.period, currency=given.currency, settle=given.settle
        )
        return ClosingView.model_validate(await jobs.fetch(unit.connection, job))

    return await writing.run(ClosingView, work)


@router.get("/closings", operation_id="list_closings", summary="Closings, newest first")
async def list_closings(services: ServicesDep, after: After | None = None) -> Page[ClosingView]:
    async with services.database.connect() as connection:
        found = await jobs.listed(connection, after)
    items = [ClosingView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "job"))


@router.get(
    "/closings/{job}", operation_id="get_closing", summary="How far one closing is, step by step"
)
async def get_closing(job: Name, services: ServicesDep) -> ClosingView:
    async with services.database.connect() as connection:
        return ClosingView.model_validate(await jobs.fetch(connection, job))


@router.post(
    "/closings/{job}/move",
    operation_id="move_closing",
    summary="Let the release that runs now go on with a closing that another one began",
)
async def move_closing(job: Name, writing: Writes) -> ClosingView:
    async def work(unit: UnitOfWork) -> ClosingView:
        await jobs.move(unit, job)
        return ClosingView.model_validate(await jobs.fetch(unit.connection, job))

    return await writing.run(ClosingView, work)
