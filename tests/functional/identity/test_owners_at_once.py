"""Two owners who demote or remove each other at the same moment: one of them stays, and neither
request fails by a deadlock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from weir.identity import people
from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Outcome, Refusal
from weir.store.database import Database
from weir.store.unit import Actor, UnitOfWork

Act = Callable[[UnitOfWork, str, str], Awaitable[object]]


async def demote(unit: UnitOfWork, organisation: str, person: str) -> None:
    await people.change_role(unit, organisation, person, "auditor")


@pytest.mark.parametrize("act", [demote, people.remove])
async def test_of_two_owners_who_go_at_once_one_stays(database: Database, act: Act) -> None:
    for turn in range(10):
        organisation = f"org_{act.__name__}{turn}"
        owners = [await owner_of(database, organisation, f"{act.__name__}{turn}{n}") for n in "abc"]
        async with database.unit(Actor(organisation, "setup")) as unit:
            await people.remove(unit, organisation, owners.pop())

        async def going(person: str, organisation: str = organisation) -> Outcome | None:
            try:
                async with database.unit(Actor(organisation, person)) as unit:
                    await act(unit, organisation, person)
            except Refusal as refusal:
                return refusal.outcome
            return None

        came = await asyncio.gather(*[going(person) for person in owners])
        assert sorted(came, key=str) == sorted([None, CONFLICT], key=str), came


async def owner_of(database: Database, organisation: str, name: str) -> str:
    async with database.unit(Actor(organisation, "setup")) as unit:
        made = await people.create(
            unit,
            name=f"owner-{name.replace('_', '-')}",
            display_name=name,
            passphrase_hash="",
            kind="partner",
            organisation=organisation,
            language="en",
            role="owner",
        )
    return made.id
