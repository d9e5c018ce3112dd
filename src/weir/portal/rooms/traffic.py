"""Calls of one's applications and to one's products, by how they ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from weir.portal.management import place
from weir.portal.rooms.desk import Desk

_DAYS: Final = (1, 7, 30)


async def show(desk: Desk) -> Response:
    """The number first, then the table behind it."""
    asked = desk.request.query_params.get("days", "7")
    days = int(asked) if asked in {str(each) for each in _DAYS} else 7
    since = desk.portal.database.clock.now() - timedelta(days=days - 1)
    counted = await desk.asking.get("/v1/records/counts", since=since.strftime("%Y-%m-%d"))
    rows = sorted(counted["items"], key=lambda each: -each["calls"])
    names = {}
    for product in {each["product"] for each in rows if each["product"]}:
        names[product] = await desk.asking.get(f"/v1/products/{place(product)}")
    return desk.page(
        "traffic.html",
        rows=rows,
        days=days,
        DAYS=_DAYS,
        products=names,
        applications={each["id"]: each for each in await desk.asking.all("/v1/applications")},
        calls=sum(each["calls"] for each in rows),
        answered=sum(each["calls"] for each in rows if each["refusal"] is None),
    )
