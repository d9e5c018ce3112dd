"""Settlement: closing a period, and the statements each party can read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from weir.api.guarding import Asking, Using, new_router
from weir.api.models import Given, Name, Page, Shown, Text, next_of
from weir.api.writing import Writes
from weir.kernel import limits
from weir.settlement import closing, reopening, statements
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class PeriodGiven(Given):
    """A month such as `2026-11`, or an ISO 8601 interval of two UTC times."""

    period: Text
    currency: Text


class ClosingView(Shown):
    """A closed period: its statements by party. `is_new` is false when there was nothing to add."""

    closing: str
    period: str
    currency: str
    version: int
    supplement: int
    statements: dict[str, str]
    is_new: bool


class ReopeningGiven(Given):
    """Which closed period is opened again, and why."""

    period: Text
    currency: Text
    reason: Annotated[str, Field(max_length=limits.REASON_CHARACTERS)]


class ReopeningView(Shown):
    """A period that was opened again; `closings` count no more, and their postings are reversed."""

    id: str
    period: str
    currency: str
    reason: str
    closings: list[str]
    reversed_postings: int
    reopened_at: datetime
    reopened_by: str


class StatementEntry(Shown):
    """A statement in a list. A positive balance is paid to the party, a negative one by it.

    It counts no more from `reopened_at` on: closing the period again makes the next `version`.
    """

    id: str
    party: str
    period: str
    currency: str
    version: int
    supplement: int
    gross_minor: int
    balance_minor: int
    sha256: str
    closed_at: datetime
    reopened_at: datetime | None


@router.post(
    "/closings",
    operation_id="close_period",
    status_code=201,
    summary="Close a period over all call records in the lake",
)
async def close_period(given: PeriodGiven, caller: Asking, services: Using) -> ClosingView:
    """Safe to repeat without an idempotency key: what is closed is closed once."""
    closed = await closing.close(
        services.database,
        services.lake,
        caller.actor,
        period=given.period,
        currency=given.currency,
    )
    return ClosingView.model_validate(closed)


@router.post(
    "/reopenings",
    operation_id="reopen_period",
    status_code=201,
    summary="Open a closed period again, with a reason: its postings are reversed",
)
async def reopen_period(given: ReopeningGiven, writing: Writes) -> ReopeningView:
    async def work(unit: UnitOfWork) -> ReopeningView:
        made = await reopening.reopen(
            unit, period=given.period, currency=given.currency, reason=given.reason
        )
        return ReopeningView.model_validate(made)

    return await writing.run(ReopeningView, work)


@router.get(
    "/reopenings", operation_id="list_reopenings", summary="The newest re-openings, newest first"
)
async def list_reopenings(services: Using) -> Page[ReopeningView]:
    async with services.database.connect() as connection:
        found = await reopening.listed(connection)
    return Page(items=[ReopeningView.model_validate(each) for each in found])


@router.get("/statements", operation_id="list_statements", summary="Your statements, newest first")
async def list_statements(
    caller: Asking,
    services: Using,
    after: Annotated[
        str | None,
        Query(max_length=64, pattern=r"^[a-z0-9_]*$", description="`next` of the page before."),
    ] = None,
) -> Page[StatementEntry]:
    async with services.database.connect() as connection:
        found = await statements.of_party(connection, caller.organisation.id, after)
    items = [StatementEntry.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/statements/{statement}",
    operation_id="get_statement",
    summary="One statement, whole: the document that can be verified offline",
)
async def get_statement(statement: Name, caller: Asking, services: Using) -> dict[str, Any]:
    async with services.database.connect() as connection:
        # The room gives it to its party and to the operator, and to nobody else.
        return await statements.document(connection, statement, caller.organisation.id)
