"""Closings: ask for a period to be closed, and read how far its closing is."""

from __future__ import annotations

from datetime import datetime

from weir.api.guard import ServicesDep, new_router
from weir.api.models import After, Given, Name, Page, Shown, Text, next_of
from weir.api.writes import Writes
from weir.jobs.jobs import Status
from weir.settlement.closing import requests
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class PeriodGiven(Given):
    """The period to close: a month such as `2026-11`, or an ISO 8601 interval of two UTC times.

    With `settle`, the debts are netted as well, and the payment messages are handed over.
    """

    period: Text
    currency: Text
    settle: bool = False


class StepView(Shown):
    """A step that is done; `slot` is that of the worker that did it."""

    step: str
    slot: int
    done_at: datetime


class ClosingView(Shown):
    """A closing and its progress: `steps` are done, `to_do` are still ahead.

    When its `status` is `done`, `statements` names each party's statement; `is_new` is false when
    nothing was added to the closing before. When it `failed`, `failure` is the code of the refusal.
    """

    job: str
    period: str
    currency: str
    settle: bool
    status: Status
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
    summary="Ask for a period to be closed, with all call records in the lake",
)
async def close_period(given: PeriodGiven, writing: Writes) -> ClosingView:
    """A worker closes the period later; read the progress under the answer's `job`. Closing the
    same records twice adds nothing.
    """

    async def work(unit: UnitOfWork) -> ClosingView:
        job = await requests.request(
            unit, period=given.period, currency=given.currency, settle=given.settle
        )
        return ClosingView.model_validate(await requests.fetch(unit.connection, job))

    return await writing.run(ClosingView, work)


@router.get("/closings", operation_id="list_closings", summary="List the closings, newest first")
async def list_closings(services: ServicesDep, after: After | None = None) -> Page[ClosingView]:
    async with services.database.connect() as connection:
        found = await requests.list_page(connection, after)
    items = [ClosingView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "job"))


@router.get(
    "/closings/{job}",
    operation_id="get_closing",
    summary="Get one closing and its progress, step by step",
)
async def get_closing(job: Name, services: ServicesDep) -> ClosingView:
    async with services.database.connect() as connection:
        return ClosingView.model_validate(await requests.fetch(connection, job))


@router.post(
    "/closings/{job}/move",
    operation_id="move_closing",
    summary="Let the running release continue a closing that another release began",
)
async def move_closing(job: Name, writing: Writes) -> ClosingView:
    async def work(unit: UnitOfWork) -> ClosingView:
        await requests.move(unit, job)
        return ClosingView.model_validate(await requests.fetch(unit.connection, job))

    return await writing.run(ClosingView, work)
