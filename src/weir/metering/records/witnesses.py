"""Stored roots and the parties that witnessed them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.kernel.seals import Root
from weir.kernel.witnesses import Witness, WitnessedRoot, witness_fault
from weir.metering.tables import roots, witnesses
from weir.store.unit import UnitOfWork


async def newest(connection: AsyncConnection, before: int | None = None) -> list[WitnessedRoot]:
    """Return roots with their witnesses, the largest first; only roots under `before` leaves."""
    wanted = select(roots).order_by(roots.c.size.desc()).limit(PAGE_ROWS)
    if before is not None:
        wanted = wanted.where(roots.c.size < before)
    return await _witnessed(connection, list((await connection.execute(wanted)).all()))


async def get(connection: AsyncConnection, size: int) -> WitnessedRoot:
    """Return one root. Refusal NOT_FOUND."""
    rows = (await connection.execute(select(roots).where(roots.c.size == size))).all()
    if not rows:
        raise Refusal(NOT_FOUND, "no such root")
    return (await _witnessed(connection, list(rows)))[0]


async def witness(unit: UnitOfWork, size: int, witness: Witness) -> WitnessedRoot:
    """Store a party's signature under a root; its first signature stays.

    INVALID_INPUT if the signature does not witness this root.
    """
    held = await get(unit.connection, size)
    if fault := witness_fault(held.root, witness):
        why_zh = "不是该证书密钥对此根的签名"
        raise inputs.wrong("/signature", f"does not witness this root: {fault}", why_zh)
    if any(each.organisation == witness.organisation for each in held.witnesses):
        return held
    await unit.connection.execute(
        insert(witnesses)
        .values(
            size=size,
            organisation=witness.organisation,
            application=witness.application,
            statement=msgspec.json.encode(witness).decode(),
            at=unit.now,
        )
        .on_conflict_do_nothing()
    )
    unit.audit("root.witnessed", str(size), {"root": held.root.root})
    return await get(unit.connection, size)


async def _witnessed(connection: AsyncConnection, rows: list[Row[Any]]) -> list[WitnessedRoot]:
    """Return the rows' roots with their witnesses."""
    signed = await connection.execute(
        select(witnesses)
        .where(witnesses.c.size.in_([row.size for row in rows]))
        .order_by(witnesses.c.size, witnesses.c.organisation)
    )
    by_size: dict[int, list[Witness]] = {}
    for row in signed:
        read = msgspec.json.decode(row.statement, type=Witness)
        by_size.setdefault(row.size, []).append(read)
    return [
        WitnessedRoot(root=msgspec.convert(row.document, Root), witnesses=by_size.get(row.size, []))
        for row in rows
    ]
