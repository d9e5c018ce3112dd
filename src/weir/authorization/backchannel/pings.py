"""Pings that tell applications of an answer (CIBA Core 1.0 section 10.2), delivered durably.

A ping is due in PostgreSQL until it was taken: `ping_at` is when it is tried next. The first worker
to try it moves that moment on, in a transaction of its own, so that a worker that dies on the way
delays a ping and never loses it. After `PINGS` tries, or when the answer can no longer be
collected, it is given up; the application can still poll.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select, update

from weir.authorization.declares import PING_PAUSE_MAX_S, PING_TIMEOUT_S, PINGS
from weir.authorization.tables import backchannel_requests
from weir.keys.master_key import Sealing
from weir.partners.tables import applications
from weir.store.database import Database
from weir.wire.outbound import Outbound, OutboundError

_log = structlog.get_logger("weir.pinging")
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class _Ping:
    consent: str
    endpoint: str
    sealed: bytes
    tried: int


async def deliver_due(database: Database, sealing: Sealing, outbound: Outbound) -> int:
    """Try every ping that is due now. Return how many were taken."""
    claimed = await _claim(database)
    taken = await asyncio.gather(*(_deliver(sealing, outbound, each) for each in claimed))
    done = [ping.consent for ping, was_taken in zip(claimed, taken, strict=True) if was_taken]
    if done:
        async with database.engine.begin() as connection:
            await connection.execute(
                update(backchannel_requests)
                .where(backchannel_requests.c.consent.in_(done))
                .values(ping_at=None, sealed_ping=None)
            )
    return len(done)


async def _claim(database: Database) -> list[_Ping]:
    """Return the pings due, each for one worker: the next try is put off before this one begins."""
    now = database.clock.now()
    claimed = []
    async with database.engine.begin() as connection:
        found = await connection.execute(
            select(
                backchannel_requests.c.consent,
                backchannel_requests.c.sealed_ping,
                backchannel_requests.c.pings,
                applications.c.backchannel_client_notification_endpoint,
            )
            .join(applications, applications.c.id == backchannel_requests.c.client)
            .where(backchannel_requests.c.ping_at <= now)
            .order_by(backchannel_requests.c.ping_at)
            .limit(_AT_ONCE)
            .with_for_update(of=backchannel_requests, skip_locked=True)
        )
        for consent, sealed, pings, endpoint in found.all():
            last = pings + 1 >= PINGS or endpoint is None
            pause_s = min(2.0**pings, PING_PAUSE_MAX_S) + PING_TIMEOUT_S
            next_at = None if last else now + timedelta(seconds=pause_s)
            await connection.execute(
                update(backchannel_requests)
                .where(backchannel_requests.c.consent == consent)
                .values(ping_at=next_at, pings=pings + 1)
            )
            if endpoint is not None:
                claimed.append(_Ping(consent, endpoint, sealed, pings + 1))
    return claimed


async def _deliver(sealing: Sealing, outbound: Outbound, ping: _Ping) -> bool:
    """Send a ping; 200 and 204 mean it was taken, and no redirect is
    followed (CIBA section 10.2).
    """
    notice: dict[str, Any] = json.loads(sealing.open(f"ping:{ping.consent}", ping.sealed))
    try:
        status = await outbound.post_json(
            ping.endpoint,
            {"auth_req_id": notice["auth_req_id"]},
            {"authorization": f"Bearer {notice['token']}"},
        )
    except OutboundError as error:
        _log.info("ping_failed", consent=ping.consent, tried=ping.tried, why=str(error))
        return False
    if status not in (200, 204):
        _log.info("ping_refused", consent=ping.consent, tried=ping.tried, status=status)
        return False
    return True
