"""The worker process: durable background work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from weir import __version__
from weir.app.core import Core, open_core, stop_event
from weir.app.declares import DAY_CLOSES_AFTER_S
from weir.app.jobs import works_of
from weir.app.preparation import renew_certificates
from weir.app.private_sockets import health, member_client, outbound_client, serve_private
from weir.app.settings import Settings
from weir.authorization.backchannel import questions
from weir.authorization.backchannel.pings import deliver_due
from weir.authorization.declares import PING_TIMEOUT_S
from weir.consent import consents, transitions
from weir.jobs.runner import tend
from weir.kernel import identifiers, rooms
from weir.keys import signing_keys
from weir.keys.authority import Authority
from weir.keys.record_keys import RecordKeys
from weir.keys.vault import PLATFORM
from weir.metering.counters import budgets, payment_intents, period_sums
from weir.metering.counters.reconciliation import make_lookup, reconcile
from weir.metering.lake import manifest
from weir.metering.lake.compaction import compact
from weir.metering.lake.ingest import ingest
from weir.metering.lake.lake import Lake
from weir.metering.lake.retention import Rule, expire, whole_segments
from weir.metering.records import seal_log
from weir.metering.records.sealer import Sealer, remove_sealed
from weir.metering.records.writer import RecordWriter
from weir.settlement.closing import schedule
from weir.settlement.periods.retention_holds import needs_records
from weir.shelf import products
from weir.store import change_expiry, processes
from weir.store.engines.home import Home
from weir.wire.outbound import Outbound


async def run_worker(settings: Settings, home: Home, listening: Path) -> None:
    """Run a worker process until it is told to end.

    Several workers may do the same work at once, and each may be killed at any point. `listening`
    is the private socket of its health checks.
    """
    stop = stop_event()
    async with open_core(settings, home, connections=4) as core, member_client(core) as client:
        stream = identifiers.mint("str", int(core.clock.now().timestamp() * 1000), os.urandom(10))
        writer = RecordWriter.open(core.records_folder, stream)
        keys = await RecordKeys.open(core.database, core.sealing)
        lake = Lake(core.lake_url)
        works = {
            **_record_works(core, lake, writer, client, keys),
            **_state_works(core),
            **_job_works(core, lake),
        }
        periodic = rooms.periodic()
        assert works.keys() == periodic.keys(), "what rooms declare and what is wired differ"
        beats = [
            asyncio.create_task(_repeat(name, periodic[name].pause_s, work, stop))
            for name, work in works.items()
        ]
        try:
            await serve_private(health(core), listening, stop)
        finally:
            stop.set()
            await asyncio.gather(*beats)
            writer.close()


_log = structlog.get_logger("weir.worker")
Work = Callable[[], Awaitable[Any]]


def _record_works(
    core: Core, lake: Lake, writer: RecordWriter, client: Outbound, keys: RecordKeys
) -> dict[str, Work]:
    """The periodic work on call records, by the name under which a room declares it."""
    folder = core.records_folder
    sealer = Sealer(folder, keys.current, core.receipt_secret)

    async def records_sealed() -> None:
        _tell((await asyncio.to_thread(sealer.run)).findings)

    async def records_to_lake() -> None:
        _tell((await ingest(core.database, folder, lake, keys.public)).findings)

    async def files_merged() -> None:
        _tell((await compact(core.database, lake)).findings)
        await manifest.remove_replaced(core.database, lake)

    rule = Rule(core.settings.records_kept_days, core.settings.transactions_kept_days)

    async def records_expired() -> None:
        _tell((await expire(core.database, lake, rule, keys.current, needs_records)).findings)
        async with core.database.connect() as connection:
            kept = await whole_segments(connection, rule, core.clock.now())
        await asyncio.to_thread(remove_sealed, folder, kept)

    async def days_closed() -> None:
        now = core.clock.now() - timedelta(seconds=DAY_CLOSES_AFTER_S)
        async with core.database.unit(PLATFORM) as unit:
            if await seal_log.size(unit.connection):
                yesterday = seal_log.today(now) - timedelta(days=1)
                await seal_log.sign_root(unit.connection, keys.current, unit.now, yesterday)

    async def payments_in_doubt() -> None:
        await reconcile(core.database, folder, lake, writer, make_lookup(client))

    return {
        "records_sealed": records_sealed,
        "records_to_lake": records_to_lake,
        "files_merged": files_merged,
        "records_expired": records_expired,
        "days_closed": days_closed,
        "payments_in_doubt": payments_in_doubt,
    }


def _job_works(core: Core, lake: Lake) -> dict[str, Work]:
    """The periodic work on jobs, by its declared name."""
    works = works_of(core.database, lake, core.home.folder("instructions"), __version__)
    currencies = schedule.read_currencies(core.settings.close_months)

    async def jobs() -> None:
        for job, error in (await tend(works)).items():
            _log.error("job_stuck", job=job, exc_info=error)

    async def months_closed() -> None:
        await schedule.request_due(core.database, currencies)

    return {"jobs": jobs, "months_closed": months_closed}


def _state_works(core: Core) -> dict[str, Work]:
    """The periodic work that becomes due by time, by its declared name."""
    outbound = outbound_client(core, PING_TIMEOUT_S)

    async def pings() -> None:
        await deliver_due(core.database, core.sealing, outbound)

    async def payments_made() -> None:
        async with core.database.connect() as connection:
            unused = await consents.unused_payments(connection)
            used = await payment_intents.find_claimed(connection, unused)
        if used:
            async with core.database.unit(PLATFORM) as unit:
                await transitions.mark_all_used(unit, used)

    async def what_is_over() -> None:
        async with core.database.unit(PLATFORM) as unit:
            await transitions.expire_due(unit)
        await change_expiry.expire_changes(core.database)
        async with core.database.engine.begin() as connection:
            await processes.forget_dead(connection)
            await budgets.clean(connection, core.clock.now())
            await period_sums.clean(connection, core.clock.now())
            await questions.delete_old(connection, core.clock.now())

    async def shelf_indexed() -> None:
        async with core.database.engine.begin() as connection:
            await products.index_missing(connection)

    async def keys_in_time() -> None:
        for moved in await signing_keys.advance_due(
            core.database, core.sealing, days=core.settings.signing_key_days
        ):
            _log.info("signing_key_moved", move=moved)

    async def certificates_in_time() -> None:
        authority = await Authority.open(core.database, core.sealing)
        await asyncio.to_thread(renew_certificates, authority, core)

    return {
        "certificates_in_time": certificates_in_time,
        "keys_in_time": keys_in_time,
        "payments_made": payments_made,
        "pings": pings,
        "shelf_indexed": shelf_indexed,
        "what_is_over": what_is_over,
    }


def _tell(findings: Iterable[object]) -> None:
    for finding in findings:
        _log.error("records_damaged", finding=str(finding))


async def _repeat(
    name: str, pause_s: float, work: Callable[[], Awaitable[Any]], stop: asyncio.Event
) -> None:
    """Repeat the work until `stop` is set; log a failure and try again after the pause."""
    while not stop.is_set():
        try:
            await work()
        except Exception:  # a job that cannot run now must not end the others
            _log.exception("job_failed", job=name)
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            continue
