"""Receipts of calls: a record's line, and the proof that it was sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import merkle
from weir.kernel.declares import ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.kernel.seals import Receipt, ReceiptName, Seal, authenticator
from weir.metering.lake.columns import to_datetime
from weir.metering.lake.lake import Lake
from weir.metering.records import seal_log
from weir.metering.records.records import CallRecord
from weir.metering.records.sealer import stream_key
from weir.metering.records.segments import Remains, SegmentDamaged
from weir.metering.tables import segments


async def find(
    connection: AsyncConnection,
    lake: Lake,
    secret: bytes,
    name: ReceiptName,
    may_see: Callable[[CallRecord], bool],
) -> Receipt:
    """Return the receipt of this name.

    `secret` is the platform's secret for receipts, `may_see` decides on the record. Refusal
    NOT_FOUND when there is none, when the caller may not see it, or when the call is not sealed
    yet, a moment after its answer.
    """
    for row in await _candidates(connection, name):
        remains = await _remains(lake, row)
        for index, record in zip(remains.lines, remains.records, strict=True):
            if (record.call, record.at_us) != (name.call, name.at_us):
                continue
            if record.application is not None and _is_authentic(secret, name, record):
                if not may_see(record):
                    raise Refusal(NOT_FOUND, "a receipt of others")
                return await _receipt(connection, name, remains, index, row.leaf)
    raise Refusal(NOT_FOUND, "no such receipt in the lake")


async def _candidates(connection: AsyncConnection, name: ReceiptName) -> list[Row[Any]]:
    """Return the rows of the stream's segments that hold calls of this moment."""
    at, moment = to_datetime(name.at_us), timedelta(seconds=1)
    rows = await connection.execute(
        select(segments)
        .where(segments.c.stream == name.stream, segments.c.records > 0)
        .where(segments.c.first_at < at + moment, segments.c.last_at > at - moment)
        .order_by(segments.c.segment)
    )
    return list(rows.all())


async def _remains(lake: Lake, row: Row[Any]) -> Remains:
    """Return the records the lake holds of a segment: none once all have expired."""
    if not row.files:
        return Remains(msgspec.convert(row.seal, Seal), {})
    try:
        return await asyncio.to_thread(lake.remains, row.files, row.stream, row.segment)
    except SegmentDamaged as damaged:
        raise Refusal(ILLEGAL_STATE, str(damaged.finding)) from damaged


def _is_authentic(secret: bytes, name: ReceiptName, record: CallRecord) -> bool:
    expected = authenticator(
        stream_key(secret, name.stream),
        name.stream,
        name.call,
        name.at_us,
        record.application or "",
        record.interaction_id,
        record.status,
    )
    return expected == name.authenticator


async def _receipt(
    connection: AsyncConnection, name: ReceiptName, remains: Remains, index: int, leaf: int
) -> Receipt:
    """Return the receipt of one line, with the proofs of its segment and its seal."""
    path = await asyncio.to_thread(
        lambda: merkle.inclusion(index, remains.seal.records, remains.node())
    )
    return Receipt(
        receipt=str(name),
        line=remains.lines[index].decode(),
        index=index,
        path=[each.hex() for each in path],
        seal=remains.seal,
        inclusion=await seal_log.inclusion(connection, leaf),
    )


async def list_seals(connection: AsyncConnection, leaf: int, count: int) -> list[Seal]:
    """Return `count` seals in the order of the tree, from leaf `leaf` on."""
    rows = await connection.execute(
        select(segments.c.seal)
        .where(segments.c.leaf >= leaf)
        .order_by(segments.c.leaf)
        .limit(count)
    )
    return [msgspec.convert(row.seal, Seal) for row in rows]


async def segment_of(connection: AsyncConnection, lake: Lake, stream: str, segment: int) -> Remains:
    """Return a sealed segment, without its expired records. Refusal NOT_FOUND."""
    row = (
        await connection.execute(
            select(segments).where(segments.c.stream == stream, segments.c.segment == segment)
        )
    ).first()
    if row is None:
        raise Refusal(NOT_FOUND, "no such segment")
    return await _remains(lake, row)
