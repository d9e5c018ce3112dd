"""Retention: whole days go by class, never what is still needed, and what stays is still proven."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from money_world import World
from sqlalchemy import select

from seals import KEY, KEYS, SECRET
from weir.audit.chain import AuditJournal
from weir.audit.tables import audit_entries
from weir.kernel.clock import SystemClock
from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.expiries import Expiry, expiry_fault
from weir.kernel.outcomes import Refusal
from weir.kernel.seals import ReceiptName, authenticator, receipt_fault
from weir.metering.lake import queries, receipts, retention
from weir.metering.lake.compaction import compact
from weir.metering.lake.lake import Lake
from weir.metering.lake.retention import ExpiryCounts, Rule, expire, whole_segments
from weir.metering.records import bundle_audit, bundles
from weir.metering.records.records import FINISHED_SUFFIX, CallRecord, segment_path
from weir.metering.records.sealer import remove_sealed, stream_key
from weir.metering.records.segments import PRUNED_SUFFIX, SEAL_SUFFIX, Damage, streams
from weir.settlement.closing import reopenings, requests
from weir.settlement.periods.retention_holds import needs_records
from weir.settlement.statements import disputes
from weir.settlement.statements.obligations import line_of
from weir.store.database import Database
from weir.store.unit import Actor

RULE = Rule(records_days=400, transactions_days=1_830)
ALL = Rule(records_days=400, transactions_days=450)
FIRST_DAY = Rule(records_days=400, transactions_days=499)  # all of it, and not the day after
LONG_AGO = datetime.now(UTC).replace(hour=0, minute=59, second=59, microsecond=0) - timedelta(500)
LONG_AGO_US = round(LONG_AGO.timestamp()) * 1_000_000
MIDNIGHT_US = LONG_AGO_US + 23 * 3_600_000_000  # a second before it
PAID = {"method": "POST", "amount_minor": 1_230, "currency": "CNY", "status": 201}


class SameDay(SystemClock):
    """It stands still at midnight: days are counted from the one on which this was imported."""

    _ENDS = LONG_AGO + timedelta(500, hours=23)

    def now(self) -> datetime:
        return min(super().now(), self._ENDS)


@pytest.fixture(autouse=True)
def _same_day(database: Database) -> None:
    database.clock = SameDay()


async def bring(world: World, begin_us: int = LONG_AGO_US) -> str:
    """Eleven calls of long ago, two of them payments, and one of today. The hour ends after five,
    in the middle of the second segment.
    """
    calls: list[CallRecord] = [
        world.record(call=n + 1, at_us=begin_us + n * 200_000, **(PAID if n in (3, 9) else {}))
        for n in range(11)
    ]
    today_us = round(world.database.clock.now().timestamp()) * 1_000_000
    stream = world.write(calls[:4], calls[4:], [world.record(call=12, at_us=today_us)])
    await world.ingest()
    return stream


async def close(world: World, day: datetime = LONG_AGO) -> str:
    """Close the month of the day; the operator's statement."""
    actor = world.actor(world.operator)
    month = f"{day:%Y-%m}"
    closed = await requests.close(world.works, actor, period=month, currency="CNY")
    return closed.statements[world.operator]


async def run(world: World, rule: Rule = RULE, lake: Lake | None = None) -> ExpiryCounts:
    return await expire(world.database, lake or world.lake, rule, KEY, needs_records)


async def count(world: World) -> int:
    return queries.count_records(world.lake, await world.files())


async def statements_of(world: World) -> list[Expiry]:
    async with world.database.connect() as connection:
        return await retention.list_statements(connection, 0, 100)


async def bundle(world: World, folder: Path) -> bundle_audit.Audit:
    """What the operator fetches, audited."""
    async with world.database.connect() as connection:
        seals = await receipts.list_seals(connection, 0, 100)
        for seal in seals:
            remains = await receipts.segment_of(connection, world.lake, seal.stream, seal.segment)
            place = (folder / bundles.RECORDS, seal.stream, seal.segment)
            segment_path(*place, SEAL_SUFFIX).parent.mkdir(parents=True, exist_ok=True)
            segment_path(*place, SEAL_SUFFIX).write_bytes(msgspec.json.encode(seal))
            raw = b"".join(line + b"\n" for line in remains.lines.values())
            segment_path(*place, FINISHED_SUFFIX).write_bytes(raw)
            if not remains.is_whole:
                nodes = [(*at, found.hex()) for at, found in remains.nodes.items()]
                segment_path(*place, PRUNED_SUFFIX).write_bytes(msgspec.json.encode(nodes))
    (folder / bundles.KEYS).write_bytes(msgspec.json.encode(list(KEYS.values())))
    told = await statements_of(world)
    (folder / bundles.EXPIRIES).write_bytes(msgspec.json.encode(told))
    (folder / bundles.SEALS).write_bytes(b"\n".join(msgspec.json.encode(each) for each in seals))
    return bundle_audit.audit(bundles.read(folder))


def name_of(world: World, stream: str, call: int, record: CallRecord) -> ReceiptName:
    said = (stream, call, record.at_us, world.application, record.interaction_id, record.status)
    return ReceiptName(stream, call, record.at_us, authenticator(stream_key(SECRET, stream), *said))


async def test_one_class_goes_and_what_stays_is_as_provable_as_before(
    stored: World, tmp_path: Path
) -> None:
    world = stored
    stream = await bring(world)
    await compact(world.database, world.lake)
    await close(world)
    report = await run(world)
    assert (report.records, report.held, report.findings) == (9, set(), [])
    assert await count(world) == 3
    async with world.database.connect() as connection:
        for segment, call in ((1, 4), (2, 10)):
            remains = await receipts.segment_of(connection, world.lake, stream, segment)
            (paid,) = remains.records
            assert (paid.call, paid.amount_minor) == (call, 1_230)
            name = name_of(world, stream, call, paid)
            found = await receipts.find(connection, world.lake, SECRET, name, lambda _: True)
            assert receipt_fault(found, KEYS) is None
    told = await statements_of(world)
    assert sum(each.records for each in told) == 9
    assert [expiry_fault(each, KEYS) for each in told] == [None] * len(told)
    audit = await bundle(world, tmp_path / "bundle")
    assert (audit.findings, audit.records, audit.expired) == ([], 3, 9)
    assert (await run(world)).records == 0


async def test_at_last_everything_of_the_day_is_gone_and_the_chain_holds(
    world: World, journal: AuditJournal, tmp_path: Path
) -> None:
    stream = await bring(world)
    await close(world)
    assert (await run(world)).records == 9
    assert (await run(world, ALL)).records == 2
    assert await count(world) == 1
    assert {each.record_class for each in await statements_of(world)} == {
        "interface",
        "transaction",
    }
    audit = await bundle(world, tmp_path / "bundle")
    assert (audit.findings, audit.records, audit.expired) == ([], 1, 11)
    async with world.database.connect() as connection:
        remains = await receipts.segment_of(connection, world.lake, stream, 2)
        assert (remains.lines, remains.seal.records) == ({}, 7)
        events = select(audit_entries.c.event).where(audit_entries.c.event == "records.expired")
        assert len((await connection.execute(events)).all()) == len(await statements_of(world))
    async with world.database.connect() as connection:
        assert await journal.verify(connection) == []


async def test_a_segment_over_midnight_is_provable_until_its_second_day_has_gone_too(
    world: World, tmp_path: Path
) -> None:
    stream = await bring(world, MIDNIGHT_US)
    days = (LONG_AGO, LONG_AGO + timedelta(days=1))
    for month in {f"{day:%Y-%m}": day for day in days}.values():
        await close(world, month)
    removed = [(await run(world, rule)).records for rule in (RULE, FIRST_DAY, FIRST_DAY)]
    assert removed == [9, 1, 0]
    async with world.database.connect() as connection:
        remains = await receipts.segment_of(connection, world.lake, stream, 2)
        (paid,) = remains.records
        name = name_of(world, stream, 10, paid)
        found = await receipts.find(connection, world.lake, SECRET, name, lambda _: True)
        assert receipt_fault(found, KEYS) is None
    audit = await bundle(world, tmp_path / "bundle")
    assert (audit.findings, audit.records, audit.expired) == ([], 2, 10)
    assert [(await run(world, ALL)).records for _ in range(2)] == [1, 0]
    audit = await bundle(world, tmp_path / "bundle")
    assert (audit.findings, audit.records, audit.expired) == ([], 1, 11)
    assert all(each.records for each in await statements_of(world))
    assert len(await world.files()) == 1


async def test_what_was_removed_without_a_statement_is_found(world: World, tmp_path: Path) -> None:
    await bring(world)
    await close(world)
    await run(world)
    await bundle(world, tmp_path / "bundle")
    (tmp_path / "bundle" / bundles.EXPIRIES).unlink()
    audit = bundle_audit.audit(bundles.read(tmp_path / "bundle"))
    assert {each.damage for each in audit.findings} == {Damage.DROPPED}
    forged = [msgspec.structs.replace(each, records=99) for each in await statements_of(world)]
    (tmp_path / "bundle" / bundles.EXPIRIES).write_bytes(msgspec.json.encode(forged))
    audit = bundle_audit.audit(bundles.read(tmp_path / "bundle"))
    assert Damage.UNSIGNED in {each.damage for each in audit.findings}


async def test_an_open_period_and_a_dispute_hold_a_day(world: World) -> None:
    await bring(world)
    day = {LONG_AGO.date()}
    assert ((await run(world)).held, await count(world)) == (day, 12)
    statement = await close(world)
    actor = Actor(world.partner, "app_of_the_test")
    async with world.database.unit(actor) as unit:
        at = await line_of(unit.connection, statement, 1, world.operator)
        dispute = await disputes.open_dispute(unit, at, "We made 900 calls.", "our own log")
    assert ((await run(world)).held, await count(world)) == (day, 12)
    async with world.database.unit(Actor(world.operator, "usr_of_the_test")) as unit:
        why = "They are in the records."
        await disputes.resolve(unit, dispute.id, resolution=why, amount_minor=0)
    assert (await run(world)).records == 9


async def test_records_that_came_after_a_closing_hold_their_day(world: World) -> None:
    await bring(world)
    await close(world)
    world.write([world.record(at_us=LONG_AGO_US)])
    await world.ingest()
    assert (await run(world)).held == {LONG_AGO.date()}
    await close(world)
    assert (await run(world)).records == 10


async def test_a_period_without_its_records_is_not_opened_again(world: World) -> None:
    await bring(world)
    await close(world)
    actor = world.actor(world.operator)
    await requests.close(world.works, actor, period=world.period, currency="CNY")
    assert (await run(world)).records == 9
    for period, state in ((f"{LONG_AGO:%Y-%m}", "expired"), (world.period, None)):
        async with world.database.unit(actor) as unit:
            again = reopenings.reopen(unit, period=period, currency="CNY", reason="a wrong price")
            if state is None:
                assert (await again).reversed_postings == 1
                continue
            with pytest.raises(Refusal) as refusal:
                await again
            assert (refusal.value.outcome, refusal.value.public) == (
                ILLEGAL_STATE,
                {"state": state},
            )


async def test_a_period_that_is_being_opened_again_keeps_its_records(world: World) -> None:
    """Whichever comes first, the other waits for it and sees what it did."""
    await bring(world)
    await close(world)
    async with world.database.unit(world.actor(world.operator)) as unit:
        month = f"{LONG_AGO:%Y-%m}"
        await reopenings.reopen(unit, period=month, currency="CNY", reason="a wrong price")
        expiring = asyncio.create_task(run(world))
        done, _ = await asyncio.wait({expiring}, timeout=0.5)
        assert not done
    assert (await expiring).held == {LONG_AGO.date()}
    assert await count(world) == 12


class CrashError(Exception):
    """Stands for the process dying right there."""


class CrashingLake(Lake):
    def put(self, file: str, data: bytes) -> None:
        super().put(file, data)
        raise CrashError


async def test_a_removal_that_was_killed_is_done_once(world: World, tmp_path: Path) -> None:
    await bring(world)
    await close(world)
    with pytest.raises(CrashError):
        await run(world, lake=CrashingLake(world.lake.root))
    assert await count(world) == 12
    reports = await asyncio.gather(*(run(world) for _ in range(3)))
    assert sum(report.records for report in reports) == 9
    assert (await bundle(world, tmp_path / "bundle")).findings == []


async def test_sealed_files_of_expired_records_leave_the_gateways_folder(world: World) -> None:
    """A stream that has ended leaves nothing; today's segments stay, and so does their chain."""
    stream = await bring(world)
    old = world.write([world.record(at_us=LONG_AGO_US)])
    await world.ingest()
    await close(world)
    now = world.database.clock.now()
    async with world.database.connect() as connection:
        assert await whole_segments(connection, RULE, now) == {}
    await run(world)
    async with world.database.connect() as connection:
        kept = await whole_segments(connection, RULE, now)
    assert await asyncio.to_thread(remove_sealed, world.records, kept) == 3
    assert streams(world.records) == [stream]
    assert old in kept
    left = sorted(path.name for path in (world.records / stream).glob("*.seal"))
    assert left == ["0000000003.seal"]
    assert (await world.ingest()).findings == []
