"""Netting rounds: open debts become few payments, and instructions for banks."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Annotated

from pydantic import Field

from weir.agreements.agreements import operator_of
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Name, NewestAfter, Page, Shown, Text, next_of
from weir.api.money.payments import PaymentView
from weir.api.writes import Writes
from weir.settlement.payment import pain001, rounds
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class RoundGiven(Given):
    """The currency to settle in. Debts in the currencies of `converting` are converted into it."""

    currency: Text
    converting: Annotated[list[Text], Field(default_factory=list, max_length=16)]


class UsedRate(Shown):
    """An exchange rate at which a round converted debts."""

    id: str
    base: str
    rate: str
    source: str


class RoundView(Shown):
    """A netting round: its payments, and what paying each debt by itself would have taken."""

    id: str
    currency: str
    positions: dict[str, int]
    without_payments: int
    without_minor: int
    moved_minor: int
    rates: list[UsedRate]
    settled_at: datetime
    payments: list[PaymentView]


class InstructionsView(Shown):
    """A message for your bank: ISO 20022 pain.001.001.09, the same bytes at each request."""

    message: str
    sha256: str


@router.post(
    "/netting-rounds",
    operation_id="settle_round",
    status_code=201,
    summary="Net all open debts of a currency into payments",
)
async def settle_round(given: RoundGiven, writing: Writes) -> RoundView:
    async def work(unit: UnitOfWork) -> RoundView:
        return RoundView.model_validate(await rounds.settle(unit, given.currency, given.converting))

    return await writing.run(RoundView, work)


@router.get(
    "/netting-rounds",
    operation_id="list_rounds",
    summary="List the netting rounds you took part in, newest first",
)
async def list_rounds(
    caller: CallerDep,
    services: ServicesDep,
    after: NewestAfter = None,
) -> Page[RoundView]:
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await rounds.list_page(connection, caller.organisation.id, operator, after)
    items = [RoundView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/netting-rounds/{round}",
    operation_id="get_round",
    summary="Get one netting round: your position and your payments",
)
async def get_round(round: Name, caller: CallerDep, services: ServicesDep) -> RoundView:  # noqa: A002
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await rounds.fetch(connection, round)
    return RoundView.model_validate(rounds.narrow_to(found, caller.organisation.id, operator))


@router.post(
    "/netting-rounds/{round}/instructions",
    operation_id="issue_instructions",
    summary="Get the payment message of a netting round for your bank",
)
async def issue_instructions(
    round: Name,  # noqa: A002
    caller: CallerDep,
    writing: Writes,
) -> InstructionsView:
    async def work(unit: UnitOfWork) -> InstructionsView:
        settled = await rounds.fetch(unit.connection, round)
        written = await pain001.issue(unit, settled, caller.organisation.id)
        return InstructionsView(message=written.decode(), sha256=sha256(written).hexdigest())

    return await writing.run(InstructionsView, work)
