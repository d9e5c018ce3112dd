"""Traffic of the organisation, as `weir calls` counts it: totals, a chart over time, a table.

Every figure comes from the management API, so a person sees what `ask_traffic` permits. The whole
question stands in the address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.responses import Response

from weir.kernel import inputs
from weir.kernel.declares import NAME_CHARACTERS, NOT_FOUND, TRAFFIC_DAYS
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import applications_of, parties_of
from weir.portal.management import place

# What the page counts by, in the order it offers.
KINDS: Final = ("product", "application", "capability", "member", "scene", "status")
SHOWN: Final = 50  # kinds of calls in the table
_FIRST_DAY: Final = date(2000, 1, 1)
_BY_HOUR_DAYS: Final = 2  # for so many days the chart has a column an hour
_UNIT: Final = 10  # of the chart's own coordinates: the width of a column and its gap
_HEIGHT: Final = 100
_PLACES: Final = {"product": "/v1/products", "capability": "/v1/capabilities"}


@dataclass(frozen=True, slots=True)
class TrafficQuery:
    """The question in an address: the dimension counted by, the filters, and the days (UTC)."""

    by: str
    only: dict[str, str]
    since: date
    until: date

    @property
    def scale(self) -> str:
        """The time that a column of the chart stands for: `hour` or `day`."""
        return "hour" if (self.until - self.since).days < _BY_HOUR_DAYS else "day"

    def address(self, **changed: str | None) -> str:
        """Return the query of this question with some values changed; None removes a value."""
        asked: dict[str, str | None] = {
            "by": self.by,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            **self.only,
            **changed,
        }
        return f"?{urlencode({name: v for name, v in asked.items() if v is not None})}"


@dataclass(frozen=True, slots=True)
class Bar:
    """A column of the chart, in the chart's own coordinates."""

    at: str
    calls: int
    x: int
    height: float


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table. `share` is its bar's width of 100; `leads_to` narrows to it."""

    name: str | None
    figures: dict[str, Any]
    share: float
    leads_to: str | None


async def show(desk: Desk) -> Response:
    """Show the figures for the question in the address."""
    now = desk.portal.database.clock.now()
    asked = read_query(desk.request.query_params, now.astimezone(UTC).date())
    whole = await _answer(desk, asked, ())
    kinds = await _answer(desk, asked, (asked.by,))
    names = {asked.by: [each["by"][asked.by] for each in kinds[:SHOWN]]}
    for name, value in asked.only.items():
        names.setdefault(name, []).append(value)
    return desk.page(
        "records/traffic.html",
        asked=asked,
        kinds=KINDS,
        whole=whole[0] if whole else None,
        bars=_bars(await _answer(desk, asked, (asked.scale,)), asked),
        unit=_UNIT,
        rows=_rows(kinds, asked),
        more=max(0, len(kinds) - SHOWN),
        titles=await _titles(desk, names),
    )


def read_query(query: QueryParams, today: date) -> TrafficQuery:
    """Read the question from an address; by default the last seven days by product."""
    by = inputs.choice(query.get("by", KINDS[0]), KINDS, "query:by")
    until = min(_day(query, "until", today), today)
    since = min(_day(query, "since", until - timedelta(days=6)), until)
    since = max(since, until - timedelta(days=TRAFFIC_DAYS - 1))
    only = {name: query[name][:NAME_CHARACTERS] for name in KINDS if query.get(name)}
    return TrafficQuery(by, only, since, until)


def _day(query: QueryParams, name: str, otherwise: date) -> date:
    text = query.get(name)
    if not text:
        return otherwise
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    # A week or a year is taken from what was asked, and the calendar ends at the year 1.
    if day < _FIRST_DAY:
        why = "must be a day such as 2026-11-30, since the year 2000"
        raise inputs.wrong(f"query:{name}", why, "须为 2000 年以后的日期，如 2026-11-30")
    return day


async def _answer(desk: Desk, asked: TrafficQuery, by: Iterable[str]) -> list[dict[str, Any]]:
    """Ask the management API; each row has `by`, the dimensions' values, and the figures."""
    found = await desk.management.get(
        "/v1/records/traffic",
        by=list(by),
        only=[f"{name}={value}" for name, value in asked.only.items()],
        since=asked.since.isoformat(),
        until=asked.until.isoformat(),
    )
    items: list[dict[str, Any]] = found["items"]
    return items


def _bars(by_time: list[dict[str, Any]], asked: TrafficQuery) -> list[Bar]:
    """Return a column for every hour or day of the period, also for those without calls."""
    hourly = asked.scale == "hour"
    step = timedelta(hours=1) if hourly else timedelta(days=1)
    form = "%Y-%m-%d %H:00" if hourly else "%Y-%m-%d"
    counted = {each["by"][asked.scale][: 16 if hourly else 10]: each["calls"] for each in by_time}
    most = max(counted.values(), default=1)
    bars: list[Bar] = []
    at = datetime.combine(asked.since, time(), UTC)
    while at.date() <= asked.until:
        calls = counted.get(f"{at:{form}}", 0)
        bars.append(Bar(f"{at:{form}}", calls, len(bars) * _UNIT, round(_HEIGHT * calls / most, 1)))
        at += step
    return bars


def _rows(kinds: list[dict[str, Any]], asked: TrafficQuery) -> list[Row]:
    most = max((each["calls"] for each in kinds), default=1)
    following = next((kind for kind in KINDS if kind not in (asked.by, *asked.only)), asked.by)
    rows = []
    for each in kinds[:SHOWN]:
        name = each["by"][asked.by]
        leads_to = None if name is None else asked.address(**{asked.by: name, "by": following})
        rows.append(Row(name, each, round(100 * each["calls"] / most, 1), leads_to))
    return rows


async def _titles(desk: Desk, names: dict[str, list[str | None]]) -> dict[str, str]:
    """Display names by identifier, where one exists."""
    zh = desk.visitor.language.startswith("zh")
    titles: dict[str, str] = {}
    if "application" in names:
        titles |= await _callers(desk, [each for each in names["application"] if each])
    if "member" in names:
        found = await desk.management.all("/v1/organisations")
        titles |= {each["id"]: each["name_zh" if zh else "name_en"] for each in found}
    for kind, address in _PLACES.items():
        for name in {each for each in names.get(kind, ()) if each}:
            titles[name] = await _title(desk, f"{address}/{place(name)}", zh=zh) or name
    return titles


async def _callers(desk: Desk, wanted: list[str]) -> dict[str, str]:
    """Return display names of applications by identifier: own ones by their own name, those of
    subscribers by the organisation's.
    """
    titles = await applications_of(desk, wanted)
    if desk.may("list_subscriptions") and not titles.keys() >= set(wanted):
        parties = await parties_of(desk)
        zh = desk.visitor.language.startswith("zh")
        for each in await desk.management.all("/v1/subscriptions"):
            subscriber = parties.get(each["subscriber"])
            if subscriber is not None:
                titles.setdefault(each["application"], subscriber["name_zh" if zh else "name_en"])
    return titles


async def _title(desk: Desk, address: str, *, zh: bool) -> str | None:
    try:
        found = await desk.management.get(address)
    except Refusal as refusal:
        if refusal.outcome is NOT_FOUND:
            return None  # gone, or another party's
        raise
    own = ("title_zh", "summary_zh") if zh else ("title_en",)
    told = (found.get(name) for name in (*own, "summary", "operation_id"))
    return next((str(each) for each in told if each), None)
