"""Exchange rates, each with its source and time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from weir.api.guard import ServicesDep, new_router
from weir.api.models import MOMENT, Given, NewestAfter, Page, Shown, Text, next_of, read_moment
from weir.api.writes import Writes
from weir.settlement.payment import exchange_rates
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class RateGiven(Given):
    """The worth of one major unit of `base` in `quote`, with its source and time."""

    base: Text
    quote: Text
    rate: Text
    source: Text
    observed_at: Annotated[str, Field(max_length=40, pattern=MOMENT)]


class RateView(Shown):
    """A recorded exchange rate; it is never changed."""

    id: str
    base: str
    quote: str
    rate: str
    source: str
    observed_at: datetime
    recorded_at: datetime


@router.post(
    "/exchange-rates",
    operation_id="record_rate",
    status_code=201,
    summary="Record an exchange rate with its source and time",
)
async def record_rate(given: RateGiven, writing: Writes) -> RateView:
    observed_at = read_moment(given.observed_at, "/observed_at")

    async def work(unit: UnitOfWork) -> RateView:
        made = await exchange_rates.record(
            unit,
            base=given.base,
            quote=given.quote,
            rate=given.rate,
            source=given.source,
            observed_at=observed_at,
        )
        return RateView.model_validate(made)

    return await writing.run(RateView, work)


@router.get(
    "/exchange-rates",
    operation_id="list_rates",
    summary="List the exchange rates, newest recorded first",
)
async def list_rates(
    services: ServicesDep,
    after: NewestAfter = None,
) -> Page[RateView]:
    async with services.database.connect() as connection:
        found = await exchange_rates.list_page(connection, after)
    items = [RateView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))
