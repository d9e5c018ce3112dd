"""Links made by somebody who may no longer let anybody in: they open nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from weir.identity import links, people
from weir.identity.people import Person
from weir.kernel.declares import LINK_USED
from weir.kernel.outcomes import Refusal
from weir.store.database import Database
from weir.store.unit import Actor, UnitOfWork

OWN = "org_01"
Leave = Callable[[UnitOfWork, str], Awaitable[Person]]


async def owner(unit: UnitOfWork, name: str) -> str:
    made = await people.create(
        unit,
        name=name,
        display_name=name,
        passphrase_hash="",
        kind="partner",
        organisation=OWN,
        language="en",
        role="owner",
    )
    return made.id


async def removed(unit: UnitOfWork, person: str) -> Person:
    return await people.remove(unit, OWN, person)


async def no_owner_any_more(unit: UnitOfWork, person: str) -> Person:
    return await people.change_role(unit, OWN, person, "developer")


@pytest.mark.parametrize("leave", [removed, no_owner_any_more])
async def test_an_owner_who_leaves_cannot_come_back_by_a_link_that_was_kept(
    database: Database, leave: Leave
) -> None:
    async with database.unit(Actor(OWN, "setup")) as unit:
        leaver, stays = await owner(unit, "leaver"), await owner(unit, "stays")
    kept: dict[str, str] = {}
    for maker in (leaver, stays):
        async with database.unit(Actor(OWN, maker)) as unit:
            for purpose, subject in (("partner", OWN), ("renewal", stays), ("customer", "cus_1")):
                kept[f"{purpose} by {maker}"] = await links.create_link(
                    unit,
                    purpose,  # type: ignore[arg-type]
                    subject=subject,
                    organisation=OWN,
                )
    async with database.unit(Actor(OWN, stays)) as unit:
        await leave(unit, leaver)
    closed = [f"partner by {leaver}", f"renewal by {leaver}"]
    async with database.connect() as connection:
        now = database.clock.now()
        for name in closed:
            with pytest.raises(Refusal) as refused:
                await links.find_open(connection, kept.pop(name), now)
            assert refused.value.outcome is LINK_USED
        for secret in kept.values():
            await links.find_open(connection, secret, now)
