"""Sums of recurring payments, a row for each consent and period, beside their intents.

A payment's amount is claimed in the transaction of its intent, in one statement that adds it to
each of its periods where the limit allows. So however many gateways claim at once, the amounts
claimed and not given back never pass a limit. An amount is given back only when it is certain that
nothing was paid: the request was never sent, or the member said so when it was asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# A gateway whose clock is slow may still claim in a period that has ended by this clock.
KEPT_AFTER_END: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PeriodLimit:
    """The limit of payments under a consent in one period.

    `period` is the period's name, the same at every gateway; the limit is in minor units of the
    consent's currency.
    """

    period: str
    limit_minor: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ExceededLimit:
    """The limit that a payment would have passed, and the minor units that were left of it."""

    limit: PeriodLimit
    left_minor: int


# The rows are locked in one order, so two payments of one consent cannot wait for each other.
_CLAIM = text("""
    INSERT INTO period_sums AS held (consent_id, period, spent_minor, limit_minor, ends_at)
    SELECT :consent_id, period, CAST(:amount_minor AS bigint), limit_minor, ends_at
      FROM unnest(CAST(:periods AS text[]), CAST(:limits AS bigint[]),
                  CAST(:ends AS timestamptz[])) AS wanted (period, limit_minor, ends_at)
     WHERE CAST(:amount_minor AS bigint) <= limit_minor
     ORDER BY period
    ON CONFLICT (consent_id, period) DO UPDATE
       SET spent_minor = held.spent_minor + excluded.spent_minor
     WHERE held.spent_minor + excluded.spent_minor <= held.limit_minor
    RETURNING period
""")
_GIVE_BACK = text("""
    WITH locked AS (
        SELECT consent_id, period FROM period_sums
         WHERE consent_id = :consent_id AND period = ANY(:periods)
         ORDER BY period
           FOR UPDATE
    )
    UPDATE period_sums AS held
       SET spent_minor = held.spent_minor - CAST(:amount_minor AS bigint)
      FROM locked
     WHERE held.consent_id = locked.consent_id AND held.period = locked.period
""")
_SPENT = text("""
    SELECT period, spent_minor FROM period_sums
     WHERE consent_id = :consent_id AND period = ANY(:periods)
""")
_CLEAN = text("DELETE FROM period_sums WHERE ends_at < :before")
_FORGET = text("DELETE FROM period_sums WHERE consent_id = ANY(:consent_ids)")


async def claim(
    connection: AsyncConnection, consent_id: str, amount_minor: int, limits: Sequence[PeriodLimit]
) -> ExceededLimit | None:
    """Add an amount to every period if all limits allow it; else return the first that does not.

    After a Short the caller rolls back, since periods with room have the amount added.
    """
    claimed = await connection.execute(
        _CLAIM,
        {
            "consent_id": consent_id,
            "amount_minor": amount_minor,
            "periods": [each.period for each in limits],
            "limits": [each.limit_minor for each in limits],
            "ends": [each.ends_at for each in limits],
        },
    )
    had_room = set(claimed.scalars())
    short = next((each for each in limits if each.period not in had_room), None)
    if short is None:
        return None
    spent = await spent_in(connection, consent_id, [short.period])
    return ExceededLimit(short, short.limit_minor - spent[short.period])


async def give_back(
    connection: AsyncConnection, consent_id: str, amount_minor: int, periods: Sequence[str]
) -> None:
    """Take an amount out of periods it was claimed from."""
    asked = {"consent_id": consent_id, "amount_minor": amount_minor, "periods": list(periods)}
    await connection.execute(_GIVE_BACK, asked)


async def spent_in(
    connection: AsyncConnection, consent_id: str, periods: Collection[str]
) -> Mapping[str, int]:
    """Return by period the minor units that were claimed and not given back."""
    asked = {"consent_id": consent_id, "periods": list(periods)}
    rows = await connection.execute(_SPENT, asked)
    return dict.fromkeys(periods, 0) | {row.period: row.spent_minor for row in rows}


async def clean(connection: AsyncConnection, now: datetime) -> None:
    """Delete periods that ended so long ago that no gateway counts in them any more."""
    await connection.execute(_CLEAN, {"before": now - KEPT_AFTER_END})


async def delete_sums(connection: AsyncConnection, consent_ids: Collection[str]) -> None:
    """Delete the sums of consents that have ended."""
    await connection.execute(_FORGET, {"consent_ids": list(consent_ids)})
