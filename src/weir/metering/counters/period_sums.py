"""What recurring payments have come to, a row a consent and period, beside their intents.

A payment's amount is claimed in the transaction of its intent, in one statement that adds it to
each of its periods where the limit allows. So however many gateways ask at once, what was claimed
and not given back never passes a limit. It is given back only when it is certain that nothing was
paid: the request never left, or the member said so when it was asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# A gateway whose clock is behind may still ask for a period that has ended here.
KEPT_AFTER_END: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PeriodLimit:
    """What payments under a consent may come to in one period. `period` is its name, the same for
    all who ask; the limit is in minor units of the consent's currency.
    """

    period: str
    limit_minor: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Short:
    """The limit that a payment would have passed, and what was left of it."""

    limit: PeriodLimit
    left_minor: int


# In one order, so that two payments of one consent cannot wait for each other.
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
) -> Short | None:
    """Add an amount to every period, where all limits allow it; else the first that does not.

    After a Short the caller rolls back: periods that had room were added to.
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
    return Short(short, short.limit_minor - spent[short.period])


async def give_back(
    connection: AsyncConnection, consent_id: str, amount_minor: int, periods: Sequence[str]
) -> None:
    """Take an amount out of periods it was claimed from."""
    asked = {"consent_id": consent_id, "amount_minor": amount_minor, "periods": list(periods)}
    await connection.execute(_GIVE_BACK, asked)


async def spent_in(
    connection: AsyncConnection, consent_id: str, periods: Collection[str]
) -> Mapping[str, int]:
    """What was claimed and not given back in each of these periods, in minor units."""
    asked = {"consent_id": consent_id, "periods": list(periods)}
    rows = await connection.execute(_SPENT, asked)
    return dict.fromkeys(periods, 0) | {row.period: row.spent_minor for row in rows}


async def clean(connection: AsyncConnection, now: datetime) -> None:
    """Forget periods that ended long enough ago for nobody to count in them any more."""
    await connection.execute(_CLEAN, {"before": now - KEPT_AFTER_END})


async def forget(connection: AsyncConnection, consent_ids: Collection[str]) -> None:
    """Forget what was paid under consents that have ended."""
    await connection.execute(_FORGET, {"consent_ids": list(consent_ids)})
