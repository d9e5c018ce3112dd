"""Credits: the party that was paid for a line gives part of it back."""

from __future__ import annotations

from datetime import datetime

from weir.agreements.agreements import operator_of
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Minor, Name, NewestAfter, Page, Shown, Text, next_of
from weir.api.money.statement_lines import LineNumber, describe_with_lines
from weir.api.writes import Writes
from weir.settlement.statements import credits
from weir.settlement.statements.obligations import line_of
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class CreditGiven(Given):
    """The line of a statement, the amount to give back, and the reason."""

    line: LineNumber
    amount_minor: Minor
    reason: Text


class CreditView(Shown):
    """A credit. `statement_line` is the line's number in `statement`, your own statement; `line` is
    its number in the operator's statement of the closing. Period, product, partner and gross
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
    amount_minor: int
    reason: str
    granted_by: str
    granted_at: datetime


@router.post(
    "/statements/{statement}/credits",
    operation_id="grant_credit",
    status_code=201,
    summary="Give back part of the money you were paid for a line",
)
async def grant_credit(
    statement: Name, given: CreditGiven, caller: CallerDep, writing: Writes
) -> CreditView:
    async def work(unit: UnitOfWork) -> CreditView:
        at = await line_of(unit.connection, statement, given.line, caller.organisation.id)
        made = await credits.grant(unit, at, given.amount_minor, given.reason)
        (view,) = await describe_with_lines(unit.connection, [made], caller)
        return CreditView.model_validate(view)

    return await writing.run(CreditView, work)


@router.get(
    "/credits",
    operation_id="list_credits",
    summary="List the credits that concern you, newest first",
)
async def list_credits(
    caller: CallerDep, services: ServicesDep, after: NewestAfter = None
) -> Page[CreditView]:
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await credits.of_party(connection, caller.organisation.id, operator, after)
        views = await describe_with_lines(connection, found, caller)
    items = [CreditView.model_validate(each) for each in views]
    return Page(items=items, next=next_of(items, "id"))
