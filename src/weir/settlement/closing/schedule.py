"""Monthly schedule: requests a month's closing a day after its end, so late records count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from weir.agreements.agreements import operator_of
from weir.kernel import inputs
from weir.kernel.declares import CONFLICT
from weir.kernel.money import MINOR_DIGITS
from weir.kernel.outcomes import Refusal
from weir.settlement.closing import requests
from weir.settlement.declares import CLOSING_GRACE_S
from weir.store.database import Database
from weir.store.unit import Actor

_log = structlog.get_logger("weir.settlement")
ACTOR = "schedule"  # the requester's name in the audit chain


def read_currencies(setting: str | None) -> list[str]:
    """Read a setting's currencies, separated by commas. INVALID_INPUT for an unknown one."""
    names = setting.split(",") if setting else []
    for name in names:
        inputs.choice(name, MINOR_DIGITS, "/close_months")
    return names


def month_due(now: datetime) -> str:
    """Return the newest month, as `2026-11`, that ended at least CLOSING_GRACE_S ago."""
    late = now - timedelta(seconds=CLOSING_GRACE_S)
    return f"{late.replace(day=1) - timedelta(days=1):%Y-%m}"


async def request_due(database: Database, currencies: Sequence[str]) -> list[str]:
    """Request the closing of the due month once in each currency; return the new jobs.

    A currency in which another closed period overlaps the month, or is being closed, is left to the
    operator and does not hold up the other currencies.
    """
    asked = []
    period = month_due(database.clock.now())
    for currency in currencies:
        async with database.connect() as connection:
            operator = await operator_of(connection)
            if await requests.is_settled_on(connection, period, currency):
                continue
        try:
            async with database.unit(Actor(operator, ACTOR)) as unit:
                asked.append(await requests.request(unit, period=period, currency=currency))
        except Refusal as refusal:
            if refusal.outcome is not CONFLICT:
                raise
            _log.warning("month_not_asked_for", period=period, currency=currency)
    return asked
