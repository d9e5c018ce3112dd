"""The table of pages and their addresses, collected from every feature of the portal.

Addresses are readable and stable; the back button always works.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal import appearance, assets, refusals, security
from weir.portal.declares import PAGES
from weir.portal.desk.desk import DeskPage, desk_page, form_handler
from weir.portal.renderer import Page, Portal, endpoint, render_refusal
from weir.portal.visitor import recognise

HostRole = Literal["auth", "portal"]

_ANYWHERE: Final[tuple[Page, ...]] = (
    ("/theme", "POST", appearance.choose),
    ("/errors/{code}", "GET", refusals.show),
)


_STATIC_HEADERS: Final = {
    **security.HEADERS,
    "cache-control": "public, max-age=86400",
}


def routes(portal: Portal, role: HostRole) -> list[Route]:
    """The pages of one host. The last route answers every other address with a page."""
    listed = [
        Route(path, endpoint(portal, page), methods=[method]) for path, method, page in pages(role)
    ]
    rest = Route("/{rest:path}", endpoint(portal, refusals.not_found), methods=["GET"])
    return [*listed, Route("/static/{name}", _static), rest]


def pages(role: HostRole) -> tuple[Page, ...]:
    """The pages of one host, feature by feature (`PAGES` in `declares.py`).

    A feature's `routes.py` has `COMMON` for pages on both hosts, each with its own session, `AUTH`
    or `PORTAL` for those of one host, and `DESK` for those behind the sign-in of a party's people.
    """
    listed = list(_ANYWHERE)
    for routes in _features():
        listed += getattr(routes, "COMMON", ())
        listed += getattr(routes, role.upper(), ())
    if role == "portal":
        listed += _of_desk(desk_pages())
    return tuple(listed)


def desk_pages() -> tuple[DeskPage, ...]:
    """The pages behind the sign-in of people who work for an organisation."""
    return tuple(page for routes in _features() for page in getattr(routes, "DESK", ()))


def _features() -> Iterator[ModuleType]:
    return (import_module(f"weir.portal.{feature}.routes") for feature in PAGES)


def _of_desk(listed: Iterable[DeskPage]) -> Iterator[Page]:
    """Pages of the desk as (address, method, page)."""
    for address, show, send in listed:
        yield (address, "GET", desk_page(show))
        if send is not None:
            yield (address, "POST", form_handler(show, send))


def refusal_page(portal: Portal) -> Callable[[Request, Refusal], Awaitable[Response]]:
    """Return the function that shows a refusal of the authorization endpoint as a page."""

    async def show(request: Request, refusal: Refusal) -> Response:
        visitor = await recognise(request, portal.database, portal.sessions)
        return render_refusal(request, visitor, refusal)

    return show


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    content = assets.STATIC.get(name)
    if content is None:
        return render_refusal(request, None, Refusal(NOT_FOUND, "no such file"))
    kind = {"content-type": assets.media_type(name)}
    return Response(content, headers=_STATIC_HEADERS | kind)
