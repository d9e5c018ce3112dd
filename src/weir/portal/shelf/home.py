"""The home page, and the list of members; public."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from weir.partners import organisations
from weir.partners.classes import LICENCE_KINDS
from weir.portal.renderer import Portal, render
from weir.portal.visitor import Visitor
from weir.shelf import products


async def home(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the size of the alliance and of the shelf, and the next steps."""
    async with portal.database.connect() as connection:
        members = await organisations.list_page(connection, kind="member")
        offered = await products.list_shelf(connection)
    return render(request, visitor, "shelf/home.html", members=len(members), products=len(offered))


async def members(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the licensed institutions of the alliance."""
    async with portal.database.connect() as connection:
        listed = await organisations.list_page(connection, kind="member")
    return render(
        request, visitor, "shelf/members.html", members=listed, LICENCE_KINDS=LICENCE_KINDS
    )
