"""Retention of call records: whole days expire by class, and the chain stays checkable.

A day of UTC expires for a class when it lies more days back than the class is kept. Its files are
replaced, an hour a transaction, by files without the class's records: first records of `interface`
calls, and later, with the `transaction` calls, everything. Seals, roots and counts stay. The hashes
of the subtrees that removed records made up replace them, so the rest of a segment is as provable
as before; and a signed statement says what was removed (`weir.kernel.expiries`).

Days that are still needed are left alone: the caller's `held` decides. It is called in the
transaction that removes, under a lock, so that another process that begins to need a day
(`keep_still`) either keeps it or finds it gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import merkle, pruned_trees
from weir.kernel.expiries import CLASSES, Expiry, RecordClass, sign, spans
from weir.kernel.seals import Seal, SealingKey
from weir.metering.declares import EXPIRY_LOCK
from weir.metering.lake import manifest
from weir.metering.lake.columns import HOUR_US, Pruned, from_table, merge, partition
from weir.metering.lake.compaction import BrokenFile, BrokenFileError, lock_hour, name_of
from weir.metering.lake.lake import BROKEN, Lake
from weir.metering.records.records import encode
from weir.metering.records.segments import Damage
from weir.metering.tables import expiries, segments
from weir.metering.tables import lake_files as files_table
from weir.store.database import Database
from weir.store.locks import hold
from weir.store.unit import Actor, UnitOfWork

RETENTION: Final = Actor(organisation="", subject="worker:retention")
KEPT: Final = "kept"  # the prefix of files with records that are kept longer


# Whether records that arrived from the first time until before the second are still needed.
Held = Callable[[AsyncConnection, datetime, datetime], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Rule:
    """The whole days that each class is kept after the day of its arrival."""

    records_days: int
    transactions_days: int

    def expired(self, today: date, record_class: RecordClass) -> datetime:
        """Return the time of arrival before which records of the class have expired."""
        kept = self.records_days if record_class == "interface" else self.transactions_days
        return datetime.combine(today - timedelta(days=kept), time(), UTC)


@dataclass(slots=True)
class ExpiryCounts:
    """Counts of one run, the days it left because they are needed, and broken files."""

    records: int = 0
    hours: int = 0
    held: set[date] = field(default_factory=set)
    findings: list[BrokenFile] = field(default_factory=list)


@dataclass(slots=True)
class _Hour:
    """The result for an hour's files, collected while they are read."""

    seals: list[Seal] = field(
        default_factory=list
    )  # of segments with records left, here or elsewhere
    pruned: Pruned = field(default_factory=dict)
    gone: set[tuple[str, int]] = field(default_factory=set)  # segments without any record left
    shortened: set[tuple[str, int]] = field(default_factory=set)  # segments that lost records
    records: int = 0  # records removed

    @property
    def changes(self) -> bool:
        """Whether anything is removed: not if only subtrees for other hours' records are left."""
        return bool(self.records or self.gone)


async def expire(
    database: Database, lake: Lake, rule: Rule, key: SealingKey, held: Held
) -> ExpiryCounts:
    """Remove all expired records. A run that was killed is continued by the next.

    `key` signs the statements of what was removed.
    """
    report = ExpiryCounts()
    today = database.clock.now().astimezone(UTC).date()
    for record_class in reversed(CLASSES):
        before = rule.expired(today, record_class)
        async with database.connect() as connection:
            hours = await _due(connection, before, record_class)
        for hour in hours:
            await _expire_hour(database, lake, rule, key, hour, record_class, held, report)
    return report


async def keep_still(connection: AsyncConnection) -> None:
    """Stop all expiry until the commit. An expiry under way is done when this returns."""
    await hold(connection, EXPIRY_LOCK)


async def _due(connection: AsyncConnection, before: datetime, record_class: str) -> list[datetime]:
    """Return the hours before `before` that still hold records of the class."""
    wanted = (
        select(files_table.c.hour)
        .where(files_table.c.replaced_at.is_(None), files_table.c.hour < before)
        .distinct()
        .order_by(files_table.c.hour)
    )
    if record_class == "interface":
        wanted = wanted.where(files_table.c.holds == "all")
    return list((await connection.execute(wanted)).scalars())


async def _is_held(
    connection: AsyncConnection, hour: datetime, held: Held, report: ExpiryCounts
) -> bool:
    """Whether the hour's day is still needed: a day expires whole or not at all."""
    day = hour.astimezone(UTC).date()
    if day in report.held:
        return True
    begin = datetime.combine(day, time(), UTC)
    if await held(connection, begin, begin + timedelta(days=1)):
        report.held.add(day)
    return day in report.held


async def _expire_hour(
    database: Database,
    lake: Lake,
    rule: Rule,
    key: SealingKey,
    hour: datetime,
    record_class: RecordClass,
    held: Held,
    report: ExpiryCounts,
) -> None:
    """Remove one class from one hour, in one transaction; `transaction` removes all records."""
    async with database.unit(RETENTION) as unit:
        await keep_still(unit.connection)
        if await _is_held(unit.connection, hour, held, report):
            return
        if not await lock_hour(unit.connection, hour):
            return
        rows = await manifest.of_hour(unit.connection, hour)
        old = [row.file for row in rows if record_class == "transaction" or row.holds == "all"]
        if not old:
            return
        try:
            inside = await asyncio.to_thread(_segments_in, lake, old)
            elsewhere = await manifest.live_elsewhere(unit.connection, old, inside)
            made, new = await asyncio.to_thread(_write, lake, hour, old, record_class, elsewhere)
        except BrokenFileError as broken:
            report.findings.append(broken.finding)
            return
        if not made.changes:
            return
        moved = {(seal.stream, seal.segment) for seal in made.seals}
        await manifest.replace(unit.connection, old, new, moved, unit.now, made.gone)
        if made.records:
            days = rule.records_days if record_class == "interface" else rule.transactions_days
            await _state(unit, sign(_expiry(hour, record_class, days, made, unit.now), key), hour)
    report.records += made.records
    report.hours += 1


async def _state(unit: UnitOfWork, expiry: Expiry, hour: datetime) -> None:
    """Store the signed statement of the removal."""
    await unit.connection.execute(
        insert(expiries).values(
            hour=hour,
            record_class=expiry.record_class,
            at=unit.now,
            document=msgspec.to_builtins(expiry),
        )
    )
    kept = {"class": expiry.record_class, "kept_days": expiry.kept_days}
    unit.audit("records.expired", hour.isoformat(), kept | {"records": expiry.records})


def _expiry(
    hour: datetime, record_class: RecordClass, days: int, made: _Hour, now: datetime
) -> Expiry:
    from_us = round(hour.timestamp() * 1_000_000)
    return Expiry(
        from_us=from_us,
        until_us=from_us + HOUR_US,
        record_class=record_class,
        kept_days=days,
        records=made.records,
        segments=spans(made.shortened),
        at_us=round(now.timestamp() * 1_000_000),
        key="",
    )


def _segments_in(lake: Lake, files: Sequence[str]) -> set[tuple[str, int]]:
    """Return the segments that these files name in their seals."""
    found: set[tuple[str, int]] = set()
    for file in files:
        with _naming(file):
            found |= {(seal.stream, seal.segment) for seal in lake.seals(file)}
    return found


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Raise BrokenFileError, which names the file, when it cannot be read."""
    try:
        yield
    except BROKEN as error:
        detail = f"it cannot be read: {type(error).__name__}"
        raise BrokenFileError(file, Damage.ALTERED, detail) from error


def _write(
    lake: Lake,
    hour: datetime,
    old: Sequence[str],
    record_class: RecordClass,
    elsewhere: Collection[tuple[str, int]],
) -> tuple[_Hour, dict[str, Any] | None]:
    """Write the records that stay; return the hour's result and the new file's row.

    The row is None when no segment stays, or nothing changes.
    """
    made = _Hour()
    staying = _staying(lake, old, record_class, elsewhere, made)
    rows, data = merge(staying, made.seals, made.pruned)
    if not (made.seals and made.changes):
        return made, None
    file = f"{partition(round(hour.timestamp() * 1_000_000))}/{name_of(KEPT, old)}"
    lake.put(file, data)
    return made, {
        "file": file,
        "hour": hour,
        "records": rows,
        "segments": len(made.seals),
        "holds": "transactions",
    }


def _staying(
    lake: Lake,
    old: Sequence[str],
    record_class: RecordClass,
    elsewhere: Collection[tuple[str, int]],
    made: _Hour,
) -> Iterator[pa.Table]:
    """Yield of each file the rows that are kept longer than the class, and fill `made`.

    A segment that still has records in another hour (`elsewhere`) keeps the subtrees for its
    records of this hour.
    """
    for file in old:
        with _naming(file):
            table, seals, pruned = lake.table(file)
        pays = pc.is_valid(table["amount_minor"])
        stays = table.filter(pays) if record_class == "interface" else table.slice(0, 0)
        goes = table.filter(pc.invert(pays)) if record_class == "interface" else table
        made.records += len(goes)
        held = _segments_of(stays)
        made.shortened |= _segments_of(goes)
        for seal in seals:
            here = (seal.stream, seal.segment)
            if here not in held and here not in elsewhere:
                made.gone.add(here)
                continue
            made.seals.append(seal)
            made.pruned[here] = pruned.get(here, {}) | _stand_in(goes, seal)
        yield stays


def _segments_of(table: pa.Table) -> set[tuple[str, int]]:
    """Return the segments that the rows belong to."""
    found = table.group_by(["stream", "segment"]).aggregate([])
    return set(zip(found["stream"].to_pylist(), found["segment"].to_pylist(), strict=True))


def _stand_in(goes: pa.Table, seal: Seal) -> dict[tuple[int, int], bytes]:
    """Return the subtrees that replace a segment's removed records."""
    records = from_table(goes, seal.stream, seal.segment)
    leaves = {record.number - seal.first: merkle.leaf_hash(encode(record)) for record in records}
    return pruned_trees.prune(leaves, pruned_trees.node_of(leaves, {}))


async def list_statements(connection: AsyncConnection, after: int, most: int) -> list[Expiry]:
    """Return `most` signed statements, the oldest removal first, skipping the first `after`."""
    rows = await connection.execute(
        select(expiries.c.document)
        .order_by(expiries.c.at, expiries.c.hour, expiries.c.record_class)
        .offset(after)
        .limit(most)
    )
    return [msgspec.convert(row.document, Expiry) for row in rows]


async def whole_segments(connection: AsyncConnection, rule: Rule, now: datetime) -> dict[str, int]:
    """Return for each stream the first segment of which every record is still kept.

    Earlier segments have expired in a gateway's folder too.
    """
    before = rule.expired(now.astimezone(UTC).date(), "interface")
    oldest: datetime | None = await connection.scalar(
        select(func.min(files_table.c.hour)).where(
            files_table.c.replaced_at.is_(None), files_table.c.holds == "all"
        )
    )
    limit = before if oldest is None else min(before, oldest)
    kept = func.min(segments.c.segment).filter(segments.c.last_at >= limit)
    rows = await connection.execute(
        select(
            segments.c.stream,
            func.coalesce(kept, func.max(segments.c.segment) + 1).label("first"),
        )
        .where(segments.c.stream.in_(select(segments.c.stream).where(segments.c.last_at < limit)))
        .group_by(segments.c.stream)
    )
    return {row.stream: row.first for row in rows}
