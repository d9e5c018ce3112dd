"""The tour: the first step for each kind of visitor."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from weir.partners import organisations
from weir.portal.renderer import Portal, render
from weir.portal.visitor import Visitor
from weir.shelf import products


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the tour; before the alliance is founded it begins with the operator."""
    async with portal.database.connect() as connection:
        operator = await organisations.find_operator(connection)
        offered = await products.list_shelf(connection)
    return render(
        request,
        visitor,
        "shelf/tour.html",
        founded=operator is not None,
        offered=len(offered),
        sandboxed=sum(each.sandbox for each in offered),
    )
