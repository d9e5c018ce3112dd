"""Every page and its address. Addresses are readable and stable; the back button always works."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weir.authorization.clients.trial_keys import RETURNS_TO
from weir.kernel.outcomes import NOT_FOUND, Refusal
from weir.portal import (
    appearance,
    assets,
    consenting,
    entering,
    my_consents,
    my_questions,
    product_page,
    reference_page,
    refusals,
    registering,
    search_page,
    security,
    setting_up,
    shelf_pages,
    signing_in,
    tour,
    trying,
    trying_consents,
    welcoming,
)
from weir.portal.rendering import PageFunction, Portal, endpoint, refused
from weir.portal.rooms import routes as rooms
from weir.portal.visitor import recognise

HostRole = Literal["auth", "portal"]

# (address, method, page), on both hosts; each host has its own session.
_COMMON: Final[tuple[tuple[str, str, PageFunction], ...]] = (
    ("/sign-in", "GET", signing_in.show),
    ("/sign-in", "POST", signing_in.send),
    ("/sign-out", "POST", signing_in.sign_out),
    ("/theme", "POST", appearance.choose),
    ("/errors/{code}", "GET", refusals.show),
)
_PAGES: Final[dict[HostRole, tuple[tuple[str, str, PageFunction], ...]]] = {
    "auth": (
        ("/interactions/{interaction}", "GET", consenting.show),
        ("/interactions/{interaction}", "POST", consenting.send),
    ),
    "portal": (
        ("/", "GET", shelf_pages.home),
        *rooms.routes(),
        ("/tour", "GET", tour.show),
        ("/sign-up", "GET", registering.show),
        ("/sign-up", "POST", registering.send),
        ("/sign-in/second", "GET", entering.show_second),
        ("/sign-in/second", "POST", entering.send_second),
        ("/sign-in/passkey/options", "GET", entering.options),
        ("/sign-in/passkey", "POST", entering.by_passkey),
        ("/sign-in/passkey/new-options", "GET", setting_up.options),
        ("/sign-in/set-up", "GET", setting_up.show),
        ("/sign-in/set-up", "POST", setting_up.send),
        ("/shelf", "GET", search_page.search),
        ("/shelf/{owner}/{product}", "GET", product_page.show),
        ("/shelf/{owner}/{product}/versions", "GET", product_page.versions),
        ("/shelf/{owner}/{product}/openapi.json", "GET", reference_page.openapi),
        ("/shelf/{owner}/{product}/postman.json", "GET", reference_page.collection),
        ("/shelf/{owner}/{product}/{operation:path}", "GET", reference_page.show),
        ("/try/tokens", "POST", trying.told(trying.token)),
        ("/try/calls", "POST", trying.told(trying.call)),
        ("/try/keys", "POST", trying.told(trying_consents.key)),
        ("/try/customers", "POST", trying.told(trying_consents.customer)),
        ("/try/server", "POST", trying.told(trying_consents.server)),
        (RETURNS_TO, "GET", trying_consents.back),
        ("/members", "GET", shelf_pages.members),
        ("/welcome/{secret}", "GET", welcoming.show),
        ("/welcome/{secret}", "POST", welcoming.send),
        ("/my/consents", "GET", my_consents.show_list),
        ("/my/consents/{consent}", "GET", my_consents.show),
        ("/my/questions", "GET", my_questions.show_list),
        ("/my/questions/{consent}", "GET", my_questions.show),
        ("/my/questions/{consent}", "POST", my_questions.send),
        ("/my/consents/{consent}", "POST", my_consents.send),
    ),
}
_STATIC_HEADERS: Final = {
    **security.HEADERS,
    "cache-control": "public, max-age=86400",
}


def routes(portal: Portal, role: HostRole) -> list[Route]:
    """The pages of one host. The last route answers every other address with a page."""
    listed = [
        Route(path, endpoint(portal, page), methods=[method])
        for path, method, page in (*_COMMON, *_PAGES[role])
    ]
    rest = Route("/{rest:path}", endpoint(portal, refusals.nothing_here), methods=["GET"])
    return [*listed, Route("/static/{name}", _static), rest]


def refusal_page(portal: Portal) -> Callable[[Request, Refusal], Awaitable[Response]]:
    """What `weir.authorization.front.http` shows when the authorization endpoint refuses."""

    async def show(request: Request, refusal: Refusal) -> Response:
        visitor = await recognise(request, portal.database, portal.sessions)
        return refused(request, visitor, refusal)

    return show


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    content = assets.STATIC.get(name)
    if content is None:
        return refused(request, None, Refusal(NOT_FOUND, "no such file"))
    kind = {"content-type": assets.media_type(name)}
    return Response(content, headers=_STATIC_HEADERS | kind)
