"""The authorization server's HTTP: pages for browsers, public documents, and the endpoints."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from weir.authorization import pipeline
from weir.authorization.declares import INTERACTION_MEMORY_S, OAUTH_TOO_MANY_REQUESTS
from weir.authorization.exchange import Exchange
from weir.authorization.front import registration
from weir.authorization.front.discovery import announced_changes, metadata
from weir.authorization.front.endpoints import Asgi, Endpoints
from weir.authorization.front.error_answers import NO_STORE, refusal_response
from weir.authorization.grammar import forms
from weir.authorization.grammar.locales import ASKED_LANGUAGE_COOKIE
from weir.authorization.pipeline import Endpoint
from weir.authorization.services import Services
from weir.identity.secrets import is_secret, new_secret
from weir.identity.sessions import VISIT_COOKIE
from weir.kernel.outcomes import Refusal
from weir.wire.networks import network_of

RefusalPage = Callable[[Request, Refusal], Awaitable[Response]]

_log = structlog.get_logger("weir.authorization")
_PUBLIC: Final = {"cache-control": "public, max-age=300"}


def application(services: Services, refusal_page: RefusalPage, pages: Sequence[Route]) -> Asgi:
    """Return the application of host role `auth`: endpoints, documents, `/authorize`, and `pages`.

    `refusal_page` shows a refusal to a person; pages are a higher room's, so `app/` brings both.
    """
    http = _Http(services, refusal_page)
    routes = [
        Route("/.well-known/oauth-authorization-server", http.document(http.discovery)),
        Route("/.well-known/openid-configuration", http.document(http.discovery)),
        Route("/announced-changes", http.document(http.announced_changes)),
        Route("/jwks", http.document(http.jwks)),
        Route("/authorize", http.authorize, methods=["GET", "POST"]),
        *registration.routes(services),
        *pages,
    ]
    return Endpoints(services, Starlette(routes=routes))


class _Http:
    def __init__(self, services: Services, refusal_page: RefusalPage) -> None:
        self._services = services
        self._refusal_page = refusal_page

    def document(self, written: Callable[[], Response]) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a public document, which an address may read at a rate."""

        async def answer(request: Request) -> Response:
            try:
                self._slow_down(request)
            except Refusal as refusal:
                _log.info("document refused", code=refusal.outcome.code, detail=refusal.detail)
                return refusal_response(self._services.addresses, refusal)
            return written()

        return answer

    def _slow_down(self, request: Request) -> None:
        """Count a request by its address. OAUTH_TOO_MANY_REQUESTS."""
        address = network_of(request.headers.get("weir-peer", ""))
        wait_s = self._services.rates.reads.take_s(address, time.monotonic())
        if wait_s:
            raise Refusal(OAUTH_TOO_MANY_REQUESTS, "the address", retry_after_s=wait_s)

    def discovery(self) -> Response:
        """Write the metadata document (RFC 8414 section 3)."""
        services = self._services
        document = metadata(services.addresses, services.signer, services.database.clock.now())
        return JSONResponse(document, headers=_PUBLIC)

    def announced_changes(self) -> Response:
        """Write the changes of keys and algorithms to come, each with its date."""
        services = self._services
        document = announced_changes(services.signer, services.database.clock.now())
        return JSONResponse(document, headers=_PUBLIC)

    def jwks(self) -> Response:
        """Write the public keys of tokens and of signed messages (RFC 7517 section 5)."""
        signer = self._services.signer
        body = {"keys": [*signer.public_jwks()["keys"], *signer.message_jwks()["keys"]]}
        return JSONResponse(body, headers=_PUBLIC)

    async def authorize(self, request: Request) -> Response:
        """Begin a visit, by GET or by a posted form (OpenID Connect Core section 3.1.2.1).

        The only endpoint a browser sees. A refusal is a page, never a redirect.
        """
        visit = request.cookies.get(VISIT_COOKIE)
        known = visit is not None and is_secret(visit)
        visit = visit if visit is not None and known else new_secret()
        try:
            self._slow_down(request)
            parameters = forms.parse(await _sent(request))
            exchange = Exchange(
                services=self._services,
                parameters=parameters,
                certificate=None,
                now=self._services.database.clock.now(),
                visit=visit,
            )
            answer = await pipeline.run(Endpoint.AUTHORIZE, exchange)
        except Refusal as refusal:
            _log.info("authorize refused", code=refusal.outcome.code, detail=refusal.detail)
            return await self._refusal_page(request, refusal)
        assert answer.location is not None
        response = RedirectResponse(answer.location, 303, headers=NO_STORE)
        if not known:
            set_host_cookie(response, VISIT_COOKIE, visit, INTERACTION_MEMORY_S)
        _tell_language(request, response, exchange.pushed.language)
        return response


async def _sent(request: Request) -> bytes:
    """Return the parameters as they were sent: of a GET the query, of a POST the form.

    Refusals UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE and REQUEST_TIMEOUT.
    """
    if request.method != "POST":
        query: bytes = request.scope["query_string"]
        return query
    return await forms.read_body(request.headers.get("content-type", ""), request.receive)


def _tell_language(request: Request, response: Response, language: str | None) -> None:
    """Show the pages of this visit, sign-in included, in the language that its request asked for.

    A language that an earlier request asked for is over.
    """
    if language is not None:
        set_host_cookie(response, ASKED_LANGUAGE_COOKIE, language, INTERACTION_MEMORY_S)
    elif ASKED_LANGUAGE_COOKIE in request.cookies:
        response.delete_cookie(ASKED_LANGUAGE_COOKIE, path="/", secure=True, httponly=True)


def set_host_cookie(response: Response, name: str, value: str, lifetime_s: int) -> None:
    """Set a cookie that only this host can set and read (RFC 6265bis section 4.1.3.2)."""
    response.set_cookie(
        name, value, max_age=lifetime_s, path="/", secure=True, httponly=True, samesite="lax"
    )
