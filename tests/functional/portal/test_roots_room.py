"""The room of one signed root: it holds, begins with the one before, and an altered one shows."""

from __future__ import annotations

from typing import Any

import msgspec
from consent_world import World
from sqlalchemy import insert, select, update
from staff_world import join

from weir.kernel.seals import NO_PREVIOUS, Seal
from weir.metering.records import seal_log
from weir.metering.tables import roots, segments
from weir.store.unit import Actor


async def seal_one(world: World, operator: str, segment: int) -> None:
    """A seal as the sealer makes it, without records behind it."""
    seal = Seal(
        stream=f"str_{'0' * 26}", segment=segment, first=segment, records=1, root="0" * 64,
        previous=NO_PREVIOUS, sealed_at_us=segment, receipts="0" * 64, key="key_1",
    )  # fmt: skip
    async with world.services.database.unit(Actor(operator, "setup")) as unit:
        leaf = await seal_log.append(unit.connection, seal)
        await unit.connection.execute(
            insert(segments).values(
                stream=seal.stream, segment=segment, first_number=segment, last_number=segment,
                records=1, sha256="0" * 64, previous_sha256=NO_PREVIOUS, first_at=unit.now,
                last_at=unit.now, files=[], ingested_at=unit.now, state="open",
                seal=msgspec.to_builtins(seal), leaf=leaf,
            )
        )  # fmt: skip


async def test_a_root_is_checked_while_one_looks_and_an_altered_one_shows(
    world: World, portal_app: Any
) -> None:
    operator = await world.organisation_of("operator")
    signer = await join(world, portal_app, operator, "operator", "owner")
    for segment in (1, 2):
        await seal_one(world, operator, segment)
        done = await signer.do("/desk/receipts", "sign")
        assert done.headers["location"] == f"/desk/receipts/roots/{segment}"
    reader = await join(world, portal_app, world.shop.id, "partner", "auditor")
    listed = await reader.get("/desk/receipts")
    assert ("/desk/receipts/roots/2" in listed.text, "Sign a root now" in listed.text) == (
        True,
        False,
    )
    assert "It is the first root" in (await reader.get("/desk/receipts/roots/1")).text
    assert "it begins with the root before it" in (await reader.get("/desk/receipts/roots/2")).text
    file = await reader.get("/desk/receipts/roots/2/download")
    assert file.json()["root"]["size"] == 2
    assert (await reader.get("/desk/receipts/roots/3")).status_code == 404
    async with world.services.database.engine.begin() as connection:
        kept = (
            await connection.execute(select(roots.c.document).where(roots.c.size == 1))
        ).scalar()
        altered = {**dict(kept or {}), "root": "1" * 64}
        await connection.execute(update(roots).where(roots.c.size == 1).values(document=altered))
    assert "something was rewritten" in (await reader.get("/desk/receipts/roots/2")).text
    assert "Its signature does not hold" in (await reader.get("/desk/receipts/roots/1")).text
    await signer.browser.close()
    await reader.browser.close()


async def test_a_root_over_nothing_is_listed_and_leads_nowhere(
    world: World, portal_app: Any
) -> None:
    operator = await world.organisation_of("operator")
    signer = await join(world, portal_app, operator, "operator", "owner")
    done = await signer.do("/desk/receipts", "sign")
    assert done.headers["location"] == "/desk/receipts"
    assert "/desk/receipts/roots/" not in (await signer.get("/desk/receipts")).text
    await signer.browser.close()
