"""Holds on the expiry of records: a period is not closed yet, or a line of it is disputed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.metering.tables import segments
from weir.settlement.payment_tables import disputes
from weir.settlement.tables import closing_runs, closings
from weir.shelf.tables import plans


async def needs_records(connection: AsyncConnection, since: datetime, until: datetime) -> bool:
    """Whether settlement still needs records that arrived from `since` until before `until`.

    It does while part of that time is in no closed period (a re-opened one is not closed) of a
    currency that plans are priced in, while a closed period has not counted all records, and while
    a line of such a period is disputed.
    """
    currencies = (await connection.execute(select(plans.c.currency).distinct())).scalars().all()
    for currency in currencies:
        if await _is_unclosed(connection, currency, since, until):
            return True
    return await _is_disputed(connection, since, until)


async def _is_unclosed(
    connection: AsyncConnection, currency: str, since: datetime, until: datetime
) -> bool:
    rows = await connection.execute(
        select(closings.c.since, closings.c.until)
        .where(closings.c.currency == currency)
        .where(closings.c.since < until, closings.c.until > since)
        .where(closings.c.reopening.is_(None))
        .distinct()
        .order_by(closings.c.since)
    )
    reached = since
    for period in rows.all():
        if period.since > reached:
            return True
        begin, end = max(period.since, since), min(period.until, until)
        if await _is_uncounted(connection, currency, (period.since, period.until), begin, end):
            return True
        reached = max(reached, period.until)
    return reached < until


async def _is_uncounted(
    connection: AsyncConnection,
    currency: str,
    period: tuple[datetime, datetime],
    since: datetime,
    until: datetime,
) -> bool:
    """Whether this part of a closed period has records that none of its closings counted."""
    counted = (
        exists()
        .where(closing_runs.c.closing == closings.c.id)
        .where(closings.c.currency == currency, closings.c.reopening.is_(None))
        .where(closings.c.since == period[0], closings.c.until == period[1])
        .where(closing_runs.c.stream == segments.c.stream)
        .where(closing_runs.c.first_segment <= segments.c.segment)
        .where(closing_runs.c.last_segment >= segments.c.segment)
    )
    late = select(
        exists()
        .where(segments.c.records > 0)
        .where(segments.c.first_at < until, segments.c.last_at >= since)
        .where(~counted)
    )
    return bool(await connection.scalar(late))


async def _is_disputed(connection: AsyncConnection, since: datetime, until: datetime) -> bool:
    disputed = select(
        exists()
        .where(disputes.c.status == "open", disputes.c.closing == closings.c.id)
        .where(closings.c.since < until, closings.c.until > since)
    )
    return bool(await connection.scalar(disputed))
