"""Statements, and the calls behind each of their lines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from starlette.responses import Response

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, Name, NewestAfter, Page, Shown, next_of
from weir.settlement.statements import csv_export, line_calls, statements

router = new_router("settlement")


class StatementEntry(Shown):
    """A statement in a list. A positive balance is paid to the party, a negative one by it.

    From `reopened_at` on it no longer counts; closing the period again makes the next `version`.
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
    """One call of a line. `id` is the call's position in the records."""

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


@router.get(
    "/statements", operation_id="list_statements", summary="List your statements, newest first"
)
async def list_statements(
    caller: CallerDep,
    services: ServicesDep,
    after: NewestAfter = None,
) -> Page[StatementEntry]:
    async with services.database.connect() as connection:
        found = await statements.of_party(connection, caller.organisation.id, after)
    items = [StatementEntry.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/statements/{statement}",
    operation_id="get_statement",
    summary="Get one complete statement: the document that can be verified offline",
)
async def get_statement(
    statement: Name, caller: CallerDep, services: ServicesDep
) -> dict[str, Any]:
    async with services.database.connect() as connection:
        # The room gives it to its party and to the operator, and to nobody else.
        return await statements.document(connection, statement, caller.organisation.id)


@router.get(
    "/statements/{statement}/csv",
    operation_id="get_statement_csv",
    summary="Get one statement as CSV, with a row for each party's share",
    responses={200: {"content": {"text/csv": {}}}},
)
async def get_statement_csv(statement: Name, caller: CallerDep, services: ServicesDep) -> Response:
    async with services.database.connect() as connection:
        held = await statements.fetch(connection, statement, caller.organisation.id)
    return Response(csv_export.to_csv(held), media_type="text/csv")


@router.get(
    "/statements/{statement}/lines/{line}/calls",
    operation_id="list_calls_behind",
    summary="List the calls that a line of a statement counts, in the order of the records",
)
async def list_calls_behind(
    statement: Name,
    line: Annotated[int, Path(ge=1, le=10_000_000, description="Counted from 1.")],
    caller: CallerDep,
    services: ServicesDep,
    after: After = "",
) -> Page[CallView]:
    """Only the statement's party and the operator get them."""
    found = await line_calls.list_calls(
        services.database, services.lake, statement, line, caller.organisation.id, after
    )
    items = [CallView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))
