"""Settlement: closing a period, and the statements each party can read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query

from weir.api.guarding import Asking, Using, new_router
from weir.api.models import Given, Name, Page, Shown, Text, next_of
from weir.settlement import closing, statements

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
    supplement: int
    statements: dict[str, str]
    is_new: bool


class StatementEntry(Shown):
    """A statement in a list. A positive balance is paid to the party, a negative one by it."""

    id: str
    party: str
    period: str
    currency: str
    supplement: int
    gross_minor: int
    balance_minor: int
    sha256: str
    closed_at: datetime


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
