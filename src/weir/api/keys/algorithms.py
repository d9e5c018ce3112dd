"""Signature algorithms of clients, and the date until which each is accepted.

A change that these operations report as done is acknowledged by every gateway and every control
process.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, Field

from weir.api.guard import ServicesDep, new_router
from weir.api.models import ConfirmedChange, Given, Name, Page, Shown
from weir.api.writes import Writes
from weir.keys import algorithms
from weir.store.processes import EVERYBODY
from weir.store.unit import UnitOfWork

router = new_router("keys")


class EndingGiven(Given):
    """The end of an algorithm: no signature with it is accepted from `ends_at` on."""

    ends_at: AwareDatetime = Field(strict=False)


class EndingView(Shown):
    """An algorithm that is accepted until `ends_at` and no longer."""

    algorithm: str
    ends_at: datetime
    announced_at: datetime


class EndingsChanged(ConfirmedChange):
    """All announced ends of algorithms, after a change that every process has applied."""

    endings: list[EndingView]


@router.get(
    "/algorithm-endings",
    operation_id="list_algorithm_endings",
    summary="List the signature algorithms whose end is announced",
)
async def list_algorithm_endings(services: ServicesDep) -> Page[EndingView]:
    async with services.database.connect() as connection:
        found = await algorithms.list_endings(connection)
    return Page(items=[EndingView.model_validate(each) for each in found])


@router.put(
    "/algorithm-endings/{algorithm}",
    operation_id="announce_algorithm_ending",
    summary="Announce when a signature algorithm will no longer be accepted",
)
async def announce_algorithm_ending(
    algorithm: Name, given: EndingGiven, writing: Writes
) -> EndingsChanged:
    async def work(unit: UnitOfWork) -> Page[EndingView]:
        found = await algorithms.announce(unit, algorithm, given.ends_at)
        return Page[EndingView](items=[EndingView.model_validate(each) for each in found])

    page, at = await writing.run_confirmed(Page[EndingView], work, EVERYBODY)
    return EndingsChanged(endings=page.items, effective_at=at)


@router.post(
    "/algorithm-endings/{algorithm}/take-back",
    operation_id="take_back_algorithm_ending",
    summary="Withdraw the announced end of an algorithm, so that it stays accepted",
)
async def take_back_algorithm_ending(algorithm: Name, writing: Writes) -> EndingsChanged:
    async def work(unit: UnitOfWork) -> Page[EndingView]:
        await algorithms.take_back(unit, algorithm)
        left = await algorithms.list_endings(unit.connection)
        return Page[EndingView](items=[EndingView.model_validate(each) for each in left])

    page, at = await writing.run_confirmed(Page[EndingView], work, EVERYBODY)
    return EndingsChanged(endings=page.items, effective_at=at)
