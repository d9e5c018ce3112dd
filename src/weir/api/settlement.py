"""Settlement: re-opening a period, and the statements each party can read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from weir.api.guard import Asking, Using, new_router
from weir.api.models import After, Given, Name, Page, Shown, Text, next_of
from weir.api.writes import Writes
from weir.settlement.closing import reopenings
from weir.settlement.declares import REASON_CHARACTERS
from weir.settlement.statements import csv_export, line_calls, statements
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class ReopeningGiven(Given):
    """Which closed period is opened again, and why."""

    period: Text
    currency: Text
    reason: Annotated[str, Field(max_length=REASON_CHARACTERS)]


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


class CallView(Shown):
    """One call behind a line. `id` is its place in the records."""

    id: str
    arrived_at: datetime
    interaction_id: str
    application: str | None
    capability: str | None
    method: str
    path: str | None
    status: int
    ending: Literal["succeeded", "declined", "failed"]
    billable: bool
    amount_minor: int | None
    currency: str | None
    scene: str | None
    referrer: str | None
    consent: str | None


@router.post(
    "/reopenings",
    operation_id="reopen_period",
    status_code=201,
    summary="Open a closed period again, with a reason: its postings are reversed",
)
async def reopen_period(given: ReopeningGiven, writing: Writes) -> ReopeningView:
    async def work(unit: UnitOfWork) -> ReopeningView:
        made = await reopenings.reopen(
            unit, period=given.period, currency=given.currency, reason=given.reason
        )
        return ReopeningView.model_validate(made)

    return await writing.run(ReopeningView, work)


@router.get(
    "/reopenings", operation_id="list_reopenings", summary="The newest re-openings, newest first"
)
async def list_reopenings(services: Using) -> Page[ReopeningView]:
    async with services.database.connect() as connection:
        found = await reopenings.listed(connection)
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


@router.get(
    "/statements/{statement}/csv",
    operation_id="get_statement_csv",
    summary="One statement as CSV, a row a party's share",
    responses={200: {"content": {"text/csv": {}}}},
)
async def get_statement_csv(statement: Name, caller: Asking, services: Using) -> Response:
    async with services.database.connect() as connection:
        held = await statements.fetch(connection, statement, caller.organisation.id)
    return Response(csv_export.to_csv(held), media_type="text/csv")


@router.get(
    "/statements/{statement}/lines/{line}/calls",
    operation_id="list_calls_behind",
    summary="The calls behind a line of a statement, in the order of the records",
)
async def list_calls_behind(
    statement: Name,
    line: Annotated[int, Path(ge=1, le=10_000_000, description="Counted from 1.")],
    caller: Asking,
    services: Using,
    after: After = "",
) -> Page[CallView]:
    """For the statement's party and the operator."""
    found = await line_calls.calls_behind(
        services.database, services.lake, statement, line, caller.organisation.id, after
    )
    items = [CallView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))
