"""Disputes: a party says that a line of a statement is wrong; the operator decides."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, Given, Minor, Name, Page, Shown, Text, next_of
from weir.api.money.statement_lines import LineNumber, describe_with_lines
from weir.api.writes import Writes
from weir.kernel.declares import PROSE_CHARACTERS
from weir.settlement.statements import disputes
from weir.settlement.statements.obligations import line_of
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class DisputeGiven(Given):
    """The line of a statement that is wrong, and the reason."""

    line: LineNumber
    reason: Text
    evidence: Annotated[str, Field(max_length=PROSE_CHARACTERS)] = ""


class ResolutionGiven(Given):
    """The decision. `amount_minor` is given back; 0 rejects the dispute."""

    resolution: Text
    amount_minor: Minor


class DisputeView(Shown):
    """A dispute. `statement_line` is the line's number in `statement`, your own statement; `line`
    is its number in the operator's statement of the closing. Period, product, partner and gross
    describe the line.
    """

    id: str
    closing: str
    line: int
    statement: str
    statement_line: int
    period: str
    currency: str
    product: str
    partner: str
    gross_minor: int
    opened_by: str
    opened_at: datetime
    reason: str
    evidence: str
    status: Literal["open", "upheld", "rejected"]
    resolution: str | None
    resolved_at: datetime | None
    credit: str | None


@router.post(
    "/statements/{statement}/disputes",
    operation_id="open_dispute",
    status_code=201,
    summary="Dispute a line; it is not paid before the dispute is decided",
)
async def open_dispute(
    statement: Name, given: DisputeGiven, caller: CallerDep, writing: Writes
) -> DisputeView:
    async def work(unit: UnitOfWork) -> DisputeView:
        at = await line_of(unit.connection, statement, given.line, caller.organisation.id)
        made = await disputes.open_dispute(unit, at, given.reason, given.evidence)
        return (await _disputes(unit.connection, [made], caller))[0]

    return await writing.run(DisputeView, work)


@router.get("/disputes", operation_id="list_disputes", summary="List your disputes, oldest first")
async def list_disputes(
    caller: CallerDep,
    services: ServicesDep,
    status: disputes.Status | None = None,
    after: After = "",
) -> Page[DisputeView]:
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await disputes.of_party(connection, caller.organisation.id, operator, after, status)
        items = await _disputes(connection, found, caller)
    return Page(items=items, next=next_of(items, "id"))


@router.post(
    "/disputes/{dispute}/resolve",
    operation_id="resolve_dispute",
    summary="Decide a dispute: give money back, or reject it",
)
async def resolve_dispute(
    dispute: Name, given: ResolutionGiven, caller: CallerDep, writing: Writes
) -> DisputeView:
    async def work(unit: UnitOfWork) -> DisputeView:
        made = await disputes.resolve(
            unit, dispute, resolution=given.resolution, amount_minor=given.amount_minor
        )
        return (await _disputes(unit.connection, [made], caller))[0]

    return await writing.run(DisputeView, work)


async def _disputes(
    connection: AsyncConnection, found: list[disputes.Dispute], caller: Caller
) -> list[DisputeView]:
    views = await describe_with_lines(connection, found, caller)
    return [DisputeView.model_validate(each) for each in views]
