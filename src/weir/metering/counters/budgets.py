"""Counters of record for quotas: gateways lease parts of a budget in advance.

A cap is never exceeded: granted calls are counted in PostgreSQL under a row lock. Calls that a dead
gateway leased and did not use are lost until the window ends, and never granted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Period = Literal["second", "day", "month"]

# How long a window is kept after its last use, by the window's first letter. Longer than the window
# itself, so that a window in use is never forgotten.
WINDOW_RETENTION: Final = {
    "s": timedelta(minutes=10),
    "d": timedelta(days=3),
    "m": timedelta(days=40),
}


class Want(NamedTuple):
    """A request for `want` calls of a subscription's budget of `cap` calls in `window`."""

    subscription: str
    window: str
    cap: int
    want: int


class Unused(NamedTuple):
    """Calls that were leased from `window` and not made."""

    subscription: str
    window: str
    calls: int


def window_of(period: Period, at: datetime) -> str:
    """Return the name of the window of `at` (UTC): `d:2026-11-05`, `m:2026-11`, `s:1793836800`."""
    if period == "second":
        return f"s:{int(at.timestamp())}"
    at = at.astimezone(UTC)
    return f"d:{at:%Y-%m-%d}" if period == "day" else f"m:{at:%Y-%m}"


# The rows are locked in one order, so two leases of the same rows cannot wait for each other.
# `leased` in the row is the grant of this very statement, which RETURNING reads back.
_LEASE = text("""
    INSERT INTO budgets AS held (subscription, span, granted, leased, cap, returned, updated_at)
    SELECT subscription, span, least(want, cap), least(want, cap), cap, 0, clock_timestamp()
      FROM unnest(CAST(:subscriptions AS text[]), CAST(:spans AS text[]),
                  CAST(:caps AS bigint[]), CAST(:wants AS bigint[]))
           AS wanted (subscription, span, cap, want)
     ORDER BY subscription, span
    ON CONFLICT (subscription, span) DO UPDATE
       SET leased = greatest(0, least(excluded.leased, excluded.cap - held.granted)),
           granted = held.granted
                     + greatest(0, least(excluded.leased, excluded.cap - held.granted)),
           cap = excluded.cap,
           updated_at = excluded.updated_at
    RETURNING subscription, span, leased
""")


async def lease(
    connection: AsyncConnection, wants: Sequence[Want | tuple[str, str, int, int]]
) -> list[int]:
    """Grant each want in full, in part or not at all, in one round trip; return the grants in
    order.

    The sum of all calls granted and not given back never exceeds the cap, however many gateways
    lease at the same time. ValueError when a number is negative or a window is wanted twice. The
    caller commits; until then the counters are locked, so commit at once.
    """
    asked = [Want(*want) for want in wants]
    if len({(want.subscription, want.window) for want in asked}) != len(asked):
        raise ValueError("one window is wanted twice in one lease")
    if any(want.cap < 0 or want.want < 0 for want in asked):
        raise ValueError("caps and wants are not negative")
    if not asked:
        return []
    rows = await connection.execute(
        _LEASE,
        {
            "subscriptions": [want.subscription for want in asked],
            "spans": [want.window for want in asked],
            "caps": [want.cap for want in asked],
            "wants": [want.want for want in asked],
        },
    )
    granted = {(row.subscription, row.span): int(row.leased) for row in rows}
    return [granted[want.subscription, want.window] for want in asked]


# The rows are locked in the same order as in a lease.
_GIVE_BACK = text("""
    WITH back AS (
        SELECT * FROM unnest(CAST(:subscriptions AS text[]), CAST(:spans AS text[]),
                             CAST(:calls AS bigint[])) AS given (subscription, span, calls)
    ), locked AS (
        SELECT held.subscription, held.span, back.calls
          FROM budgets AS held JOIN back USING (subscription, span)
         ORDER BY held.subscription, held.span
           FOR UPDATE OF held
    )
    UPDATE budgets AS held
       SET granted = held.granted - locked.calls, returned = held.returned + locked.calls,
           updated_at = clock_timestamp()
      FROM locked
     WHERE held.subscription = locked.subscription AND held.span = locked.span
""")


async def give_back(
    connection: AsyncConnection, unused: Sequence[Unused | tuple[str, str, int]]
) -> None:
    """Return calls that were leased and not made, so that other gateways may have them.

    Do not repeat this when the answer was lost: calls lost to a window are safe, calls given back
    twice would break the cap. The database refuses to go below zero (IntegrityError). ValueError
    when a number is negative or a window is given back twice.
    """
    given = [Unused(*part) for part in unused]
    if len({(part.subscription, part.window) for part in given}) != len(given):
        raise ValueError("one window is given back twice in one step")
    if any(part.calls < 0 for part in given):
        raise ValueError("unused calls are not negative")
    if not given:
        return
    await connection.execute(
        _GIVE_BACK,
        {
            "subscriptions": [part.subscription for part in given],
            "spans": [part.window for part in given],
            "calls": [part.calls for part in given],
        },
    )


_CLEAN = text(
    "DELETE FROM budgets WHERE left(span, 2) = :kind AND updated_at < :before RETURNING 1"
)


async def clean(connection: AsyncConnection, now: datetime) -> int:
    """Delete windows that ended long ago; return their number."""
    removed = 0
    for letter, kept in WINDOW_RETENTION.items():
        rows = await connection.execute(_CLEAN, {"kind": f"{letter}:", "before": now - kept})
        removed += len(rows.all())
    return removed
