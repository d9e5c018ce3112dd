"""Reconciliation of payments that were made and never answered, found by their intents.

A gateway that dies between forwarding a payment and recording it leaves an intent with no record.
After a wait longer than any call can last, the member is asked about the payment. A payment that
was made gets its record here, marked `reconciled`; one that was not made is closed with status 0,
and a recurring one is undone, so that it counts in no limit.

One reconciliation runs on a records folder at a time (a file lock that ends with its holder), and
an intent is held under a row lock while it is decided. The record is written and synced before the
intent's state; so when this process dies between the two, the next run finds the record.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Row, and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.path_segments import segment
from weir.metering.counters.payment_intents import cancel_unpaid
from weir.metering.declares import RECONCILE_AFTER_S, RECONCILE_LOOKBACK_DAYS
from weir.metering.lake import manifest, queries
from weir.metering.lake.ingest import Mark, marks
from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import pending_records, streams
from weir.metering.records.writer import RecordWriter
from weir.metering.tables import intents
from weir.partners.published import APPLICATION, ApplicationDocument
from weir.shelf.published import (
    PRODUCT,
    SUBSCRIPTION,
    OperationDocument,
    ProductDocument,
    SubscriptionDocument,
)
from weir.store.database import Database
from weir.store.schema import changes
from weir.store.unit import Actor
from weir.wire.outbound import Outbound, OutboundError

RECONCILING: Final = Actor(organisation="", subject="worker:reconciling")
NOT_EXECUTED: Final = 0  # the status of an intent whose payment the member never made
_BATCH: Final = 100
_EXECUTED: Final = range(200, 300)
_NOT_FOUND: Final = 404
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[str, str]  # (client identifier, idempotency key) of an intent
Document = TypeVar("Document", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class PaymentQuestion:
    """The URL at which a member tells whether it executed a payment."""

    member: str
    url: str


@dataclass(frozen=True, slots=True)
class PaymentAnswer:
    """A member's answer; `executed` None: it could not tell, and is asked again later."""

    executed: bool | None
    status: int


Lookup = Callable[[PaymentQuestion], Awaitable[PaymentAnswer]]


@dataclass(slots=True)
class ReconciliationCounts:
    """Counts of one run: found recorded, found executed, found not executed, still unknown."""

    recorded: int = 0
    executed: int = 0
    not_executed: int = 0
    unknown: int = 0


def make_lookup(outbound: Outbound) -> Lookup:
    """Make a lookup over HTTPS: 2xx is executed, 404 not executed, anything else unknown.

    Of an answer only the status counts, and no more of it is read.
    """

    async def ask(question: PaymentQuestion) -> PaymentAnswer:
        try:
            status = (await outbound.get(question.url, {"accept": "*/*"}, 0)).status
        except OutboundError:
            return PaymentAnswer(None, 0)
        if status in _EXECUTED:
            return PaymentAnswer(True, status)
        return PaymentAnswer(False if status == _NOT_FOUND else None, status)

    return ask


async def reconcile(
    database: Database, folder: Path, lake: Lake, writer: RecordWriter, lookup: Lookup
) -> ReconciliationCounts:
    """Decide every intent older than `RECONCILE_AFTER_S` that has no answer noted.

    `folder` must be the records folder of all gateways of this database: a record that lies on
    another machine and was not ingested yet would not be seen.
    """
    report = ReconciliationCounts()
    before = database.clock.now() - timedelta(seconds=RECONCILE_AFTER_S)
    lock_fd = os.open(folder / "reconciling.lock", os.O_CREAT | os.O_RDWR, 0o640)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        statuses = await _recorded_statuses(database, folder, lake, before)
        for key, found in statuses.items():
            await _decide(database, key, before, found, writer, lookup, report)
        if report.executed:
            await asyncio.to_thread(writer.seal)
    except BlockingIOError:
        return report  # another worker is reconciling
    finally:
        os.close(lock_fd)
    return report


async def _recorded_statuses(
    database: Database, folder: Path, lake: Lake, before: datetime
) -> dict[Key, list[int]]:
    """Return the statuses that records hold for each undecided payment.

    The marks are read before the files, so a segment that moves to the lake meanwhile is seen in
    one place at least.
    """
    async with database.connect() as connection:
        rows = (await connection.execute(_undecided(before))).all()
        reached = await marks(connection)
    found: dict[Key, list[int]] = {(row.client_id, row.idempotency_key): [] for row in rows}
    if not found:
        return found
    named = {row.record_name: (row.client_id, row.idempotency_key) for row in rows}
    local = await asyncio.to_thread(_local_statuses, folder, reached, set(named))
    # A retry moves an intent's time forward, a record's never; days of margin cover it.
    since = min(row.at for row in rows) - timedelta(days=RECONCILE_LOOKBACK_DAYS)
    async with database.connect() as connection:
        files = await manifest.list_files(connection, since)
    stored = await asyncio.to_thread(queries.payments, lake, files, named)
    for name, statuses in (*local.items(), *stored.items()):
        found[named[name]].extend(statuses)
    return found


def _local_statuses(
    folder: Path, reached: Mapping[str, Mark], names: set[str]
) -> dict[str, list[int]]:
    """Return by record name the statuses in segments that the lake does not hold yet."""
    statuses: dict[str, list[int]] = {}
    for stream in streams(folder):
        for record in pending_records(folder, stream, reached.get(stream, Mark()).segment):
            if record.consent in names and record.refusal is None:
                statuses.setdefault(record.consent, []).append(record.status)
    return statuses


def _undecided(before: datetime) -> Any:
    # In random order, so that payments of an unreachable member do not keep the others waiting.
    return (
        select(intents.c.client_id, intents.c.idempotency_key, intents.c.record_name, intents.c.at)
        .where(intents.c.state == "forwarded", intents.c.at < before)
        .order_by(func.random())
        .limit(_BATCH)
    )


async def _decide(
    database: Database,
    key: Key,
    before: datetime,
    statuses: list[int],
    writer: RecordWriter,
    lookup: Lookup,
    report: ReconciliationCounts,
) -> None:
    """Decide one intent in one transaction that holds its row."""
    async with _held(database, key, before) as (connection, row):
        if row is None:
            return
        answered = [status for status in statuses if 200 <= status < 400]
        if answered:
            await _close(connection, key, "answered", answered[0])
            report.recorded += 1
            return
        context = await _context(connection, row)
        answer = await _ask(context, row, lookup)
        if answer.executed is None:
            report.unknown += 1
        elif answer.executed:
            await _record(connection, row, context, answer.status, writer)
            await _close(connection, key, "reconciled", answer.status)
            report.executed += 1
        else:
            await _close(connection, key, "reconciled", NOT_EXECUTED)
            await cancel_unpaid(connection, *key)
            report.not_executed += 1


@asynccontextmanager
async def _held(
    database: Database, key: Key, before: datetime
) -> AsyncIterator[tuple[AsyncConnection, Row[Any] | None]]:
    """Lock the intent's row; None when another process decided, holds or retries it."""
    async with database.unit(RECONCILING) as unit:
        rows = await unit.connection.execute(
            select(intents)
            .where(_is(key), intents.c.state == "forwarded", intents.c.at < before)
            .with_for_update(skip_locked=True)
        )
        yield unit.connection, rows.first()


@dataclass(frozen=True, slots=True)
class Context:
    """Parts of a record that the published documents hold for an intent; some may be gone."""

    organisation: str | None
    product: str | None
    plan: str | None
    operation: OperationDocument | None


async def _context(connection: AsyncConnection, row: Row[Any]) -> Context:
    subscription = await _document(connection, SUBSCRIPTION, row.subscription, SubscriptionDocument)
    application = await _document(connection, APPLICATION, row.client_id, ApplicationDocument)
    organisation = application.organisation if application else None
    if subscription is None:
        return Context(organisation, None, None, None)
    product = await _document(connection, PRODUCT, subscription.product, ProductDocument)
    operations = product.operations if product else []
    operation = next((each for each in operations if each.capability == row.capability), None)
    return Context(organisation, subscription.product, subscription.plan, operation)


async def _document(
    connection: AsyncConnection, kind: str, key: str, form: type[Document]
) -> Document | None:
    found = await connection.scalar(
        select(changes.c.document).where(changes.c.kind == kind, changes.c.key == key)
    )
    return None if found is None else msgspec.convert(found, form)


async def _ask(context: Context, row: Row[Any], lookup: Lookup) -> PaymentAnswer:
    operation = context.operation
    if operation is None or operation.bindings is None or operation.bindings.outcome_path is None:
        return PaymentAnswer(None, 0)
    path = outcome_path(
        operation.bindings.outcome_path,
        {
            "idempotency_key": row.idempotency_key,
            "client_id": row.client_id,
            "consent_id": row.consent_id,
            "interaction_id": row.interaction_id,
        },
    )
    return await lookup(PaymentQuestion(row.member, operation.backend_url + path))


def outcome_path(template: str, values: Mapping[str, str]) -> str:
    """Fill `{name}` in a member's path template; each value is one segment.

    ValueError for a name that is not among the values.
    """

    def fill(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise ValueError(f"an outcome path has no {found[1]}")
        return segment(values[found[1]])

    return re.sub(r"\{([^{}]*)\}", fill, template)


async def _record(
    connection: AsyncConnection,
    row: Row[Any],
    context: Context,
    status: int,
    writer: RecordWriter,
) -> None:
    """Write the missing record and wait for the disk, checking that the row is still locked."""
    record = CallRecord(
        at_us=(row.at - _EPOCH) // timedelta(microseconds=1),
        duration_us=0,
        interaction_id=row.interaction_id,
        application=row.client_id,
        organisation=context.organisation,
        product=context.product,
        capability=row.capability,
        member=row.member,
        subscription=row.subscription,
        plan=context.plan,
        consent=row.record_name,
        method=context.operation.method if context.operation else "POST",
        path=context.operation.path if context.operation else None,
        status=status,
        amount_minor=row.amount_minor,
        currency=row.currency,
        reconciled=True,
    )
    await connection.execute(text("SELECT 1"))  # raises if the connection, and the lock, are gone
    writer.write(record)
    await asyncio.to_thread(writer.sync)


async def _close(connection: AsyncConnection, key: Key, state: str, status: int) -> None:
    await connection.execute(intents.update().where(_is(key)).values(state=state, status=status))


def _is(key: Key) -> ColumnElement[bool]:
    client_id, idempotency_key = key
    return and_(intents.c.client_id == client_id, intents.c.idempotency_key == idempotency_key)
