"""Service levels of products, measured from the call records of the last days; no promise."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from weir.metering.lake import manifest, traffic
from weir.metering.lake.lake import Lake
from weir.metering.lake.traffic import Traffic
from weir.store.database import Database

DAYS: Final = 7
_BY: Final = ("product", "status")
_FRESH: Final = timedelta(minutes=5)
_PATIENCE_S: Final = 0.03  # a page waits no longer for figures that are being measured
_OUR_FAULT: Final = 500  # and above: the institution or the platform failed (RFC 9110 15.6)


@dataclass(slots=True)
class Level:
    """Measured figures of one product. `failed` counts answers for which the caller is not to
    blame; durations run from the request's arrival to the last byte of its answer.
    """

    calls: int = 0
    failed: int = 0
    all_calls: Traffic = field(default_factory=lambda: Traffic({}))

    @property
    def answered_percent(self) -> str:
        """Per cent with two decimals, rounded down, so that 100% means that nothing failed."""
        hundredths = (self.calls - self.failed) * 10_000 // self.calls if self.calls else 0
        return f"{hundredths / 100:.2f}"

    def percentile_ms(self, part: float) -> str:
        """Return the duration in milliseconds, one decimal, that this part of the calls stayed
        under.
        """
        return f"{self.all_calls.percentile_us(part) / 1000:.1f}"


class ServiceLevels:
    """Figures of every product, read from the lake once for many readers."""

    def __init__(self, database: Database, lake: Lake) -> None:
        self._database = database
        self._lake = lake
        self._known: dict[str, Level] = {}
        self._measured_at: datetime | None = None
        self._measuring: asyncio.Task[None] | None = None

    async def of(self, product: str) -> tuple[Level, datetime | None]:
        """Return a product's figures and when they were measured (None: not yet).

        Figures older than five minutes start a new measurement, which is awaited for 30 ms only.
        """
        now = self._database.clock.now()
        if self._measured_at is None or now - self._measured_at > _FRESH:
            if self._measuring is None or self._measuring.done():
                self._measuring = asyncio.create_task(self._measure(now))
            await asyncio.wait({self._measuring}, timeout=_PATIENCE_S)
        return self._known.get(product, Level()), self._measured_at

    async def _measure(self, now: datetime) -> None:
        since = now - timedelta(days=DAYS)
        async with self._database.connect() as connection:
            files = await manifest.list_files(connection, since, now)
        found: list[Traffic] = []
        if files:
            text, values = traffic.question(_BY, {}, since, now)
            found = await asyncio.to_thread(traffic.ask, self._lake, files, _BY, text, values)
        self._known = _by_product(found)
        self._measured_at = now


def _by_product(found: list[Traffic]) -> dict[str, Level]:
    levels: dict[str, Level] = {}
    for each in found:
        product, status = each.by["product"], each.by["status"]
        if product is None or status is None:
            continue
        level = levels.setdefault(product, Level())
        level.calls += each.calls
        level.failed += each.calls if int(status) >= _OUR_FAULT else 0
        level.all_calls.calls += each.calls
        for bucket, calls in each.buckets.items():
            level.all_calls.buckets[bucket] = level.all_calls.buckets.get(bucket, 0) + calls
    return levels
