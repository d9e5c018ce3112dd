"""Every page and its address. Addresses are readable and stable; the back button always works."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weir.authorization.clients.trial_keys import RETURNS_TO
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal import appearance, assets, refusals, security
from weir.portal import desk_routes as rooms
from weir.portal.consents import consent_page, my_consents, my_questions
from weir.portal.renderer import PageFunction, Portal, endpoint, refused
from weir.portal.shelf import home, product_page, reference_page, search_page, tour
from weir.portal.sign_in import factor_setup, sign_in, sign_up, two_factors, welcome
from weir.portal.trials import trial_calls, trial_consents
from weir.portal.visitor import recognise

HostRole = Literal["auth", "portal"]

# (address, method, page), on both hosts; each host has its own session.
_COMMON: Final[tuple[tuple[str, str, PageFunction], ...]] = (
    ("/sign-in", "GET", sign_in.show),
    ("/sign-in", "POST", sign_in.send),
    ("/sign-out", "POST", sign_in.sign_out),
    ("/theme", "POST", appearance.choose),
    ("/errors/{code}", "GET", refusals.show),
)
_PAGES: Final[dict[HostRole, tuple[tuple[str, str, PageFunction], ...]]] = {
    "auth": (
        ("/interactions/{interaction}", "GET", consent_page.show),
        ("/interactions/{interaction}", "POST", consent_page.send),
    ),
    "portal": (
        ("/", "GET", home.home),
        *rooms.routes(),
        ("/tour", "GET", tour.show),
        ("/sign-up", "GET", sign_up.show),
        ("/sign-up", "POST", sign_up.send),
        ("/sign-in/second", "GET", two_factors.show_second),
        ("/sign-in/second", "POST", two_factors.send_second),
        ("/sign-in/passkey/options", "GET", two_factors.options),
        ("/sign-in/passkey", "POST", two_factors.by_passkey),
        ("/sign-in/passkey/new-options", "GET", factor_setup.options),
        ("/sign-in/set-up", "GET", factor_setup.show),
        ("/sign-in/set-up", "POST", factor_setup.send),
        ("/shelf", "GET", search_page.search),
        ("/shelf/{owner}/{product}", "GET", product_page.show),
        ("/shelf/{owner}/{product}/versions", "GET", product_page.versions),
        ("/shelf/{owner}/{product}/openapi.json", "GET", reference_page.openapi),
        ("/shelf/{owner}/{product}/postman.json", "GET", reference_page.collection),
        ("/shelf/{owner}/{product}/{operation:path}", "GET", reference_page.show),
        ("/try/tokens", "POST", trial_calls.told(trial_calls.token)),
        ("/try/calls", "POST", trial_calls.told(trial_calls.call)),
        ("/try/keys", "POST", trial_calls.told(trial_consents.key)),
        ("/try/customers", "POST", trial_calls.told(trial_consents.customer)),
        ("/try/server", "POST", trial_calls.told(trial_consents.server)),
        (RETURNS_TO, "GET", trial_consents.back),
        ("/members", "GET", home.members),
        ("/welcome/{secret}", "GET", welcome.show),
        ("/welcome/{secret}", "POST", welcome.send),
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
