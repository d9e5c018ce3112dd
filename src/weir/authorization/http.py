"""The authorization server's HTTP: requests into exchanges, answers and refusals onto the wire.

Served behind a gateway, which sets the `weir-*` headers on a private socket after it has removed
any a caller sent; so a certificate named here was verified by TLS.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from weir.authorization import forms, pipeline, registering
from weir.authorization.answering import NO_STORE, refused
from weir.authorization.discovery import metadata
from weir.authorization.exchange import Answer, Exchange
from weir.authorization.pipeline import Endpoint
from weir.authorization.services import Services
from weir.authorization.steps.introspection import SIGNED
from weir.care.jose import ALGORITHMS
from weir.care.vault import b64url
from weir.identity.secrets import is_secret, new_secret
from weir.identity.sessions import VISIT_COOKIE
from weir.kernel import limits
from weir.kernel.outcomes import (
    DPOP_PROOF_INVALID,
    METHOD_NOT_ALLOWED,
    OAUTH_INVALID_CLIENT,
    PLATFORM_ERROR,
    TOKEN_SCHEME_WRONG,
    Outcome,
    Refusal,
)

RefusalPage = Callable[[Request, Refusal], Awaitable[Response]]

_log = structlog.get_logger("weir.authorization")
_UNAUTHORIZED: Final = 401
_PUBLIC: Final = {"cache-control": "public, max-age=300"}
_USERINFO: Final = {"GET": Endpoint.USERINFO, "POST": Endpoint.USERINFO}
_GRANT: Final = {"GET": Endpoint.GRANT_QUERY, "DELETE": Endpoint.GRANT_REVOKE}
_CERTIFICATE_HEADER: Final = "weir-client-certificate"
# Every method comes here, so that the wrong one is refused by name and not as an unknown address.
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def routes(services: Services, refusal_page: RefusalPage) -> list[Route]:
    """The routes of the host role `auth` that machines use, and `/authorize`.

    `refusal_page` shows a refusal to a person; pages are a higher room's, so `app.py` brings it.
    """
    http = _Http(services, refusal_page)
    return [
        Route("/.well-known/oauth-authorization-server", http.discovery),
        Route("/.well-known/openid-configuration", http.discovery),
        Route("/jwks", http.jwks),
        Route("/authorize", http.authorize, methods=["GET"]),
        Route("/par", http.par, methods=_METHODS),
        Route("/token", http.token, methods=_METHODS),
        Route("/bc-authorize", http.backchannel, methods=_METHODS),
        Route("/revoke", http.revoke, methods=_METHODS),
        Route("/introspect", http.introspect, methods=_METHODS),
        Route("/userinfo", http.userinfo, methods=_METHODS),
        Route("/grants/{grant_id}", http.grant, methods=_METHODS),
        *registering.routes(services),
    ]


class _Http:
    def __init__(self, services: Services, refusal_page: RefusalPage) -> None:
        self._services = services
        self._refusal_page = refusal_page

    async def discovery(self, _: Request) -> Response:
        services = self._services
        told = metadata(services.addresses, services.signer, services.database.clock.now())
        return JSONResponse(told, headers=_PUBLIC)

    async def jwks(self, _: Request) -> Response:
        signing = self._services.signer.public_jwks()["keys"]
        body = {"keys": [*signing, *self._services.message_keys]}
        return JSONResponse(body, headers=_PUBLIC)

    async def par(self, request: Request) -> Response:
        return await self._answer(request, lambda _: Endpoint.PAR)

    async def token(self, request: Request) -> Response:
        return await self._answer(
            request, lambda form: pipeline.token_endpoint_for(form.get("grant_type"))
        )

    async def backchannel(self, request: Request) -> Response:
        return await self._answer(request, lambda _: Endpoint.BACKCHANNEL)

    async def revoke(self, request: Request) -> Response:
        return await self._answer(request, lambda _: Endpoint.REVOKE)

    async def introspect(self, request: Request) -> Response:
        return await self._answer(request, lambda _: Endpoint.INTROSPECT)

    async def userinfo(self, request: Request) -> Response:
        return await self._resource(request, _USERINFO)

    async def grant(self, request: Request) -> Response:
        return await self._resource(request, _GRANT, request.path_params["grant_id"])

    async def _resource(
        self, request: Request, by_method: Mapping[str, Endpoint], grant_id: str = ""
    ) -> Response:
        """A resource: its refusals are those of RFC 6750 section 3, and no body is read."""
        try:
            endpoint = by_method.get(request.method)
            if endpoint is None:
                raise Refusal(METHOD_NOT_ALLOWED, request.method)
            exchange = self._exchange(request, {}, None)
            exchange.grant_id = grant_id
            return _on_the_wire(await pipeline.run(endpoint, exchange))
        except Refusal as refusal:
            _log.info("resource refused", code=refusal.outcome.code, detail=refusal.detail)
            answer = self._error(refusal, ", ".join(by_method))
            if refusal.outcome.status == _UNAUTHORIZED:
                answer.headers["www-authenticate"] = _challenge(refusal.outcome)
            return answer
        except Exception:
            _log.exception("resource failed")
            return self._error(Refusal(PLATFORM_ERROR))

    async def authorize(self, request: Request) -> Response:
        """The only endpoint a browser sees; what goes wrong is a page, never a redirect."""
        visit = request.cookies.get(VISIT_COOKIE)
        known = visit is not None and is_secret(visit)
        visit = visit if visit is not None and known else new_secret()
        try:
            parameters = forms.parse(request.scope["query_string"])
            exchange = self._exchange(request, parameters, visit)
            answer = await pipeline.run(Endpoint.AUTHORIZE, exchange)
        except Refusal as refusal:
            _log.info("authorize refused", code=refusal.outcome.code, detail=refusal.detail)
            return await self._refusal_page(request, refusal)
        assert answer.location is not None
        response = RedirectResponse(answer.location, 303, headers=NO_STORE)
        if not known:
            set_host_cookie(response, VISIT_COOKIE, visit, limits.INTERACTION_MEMORY_S)
        return response

    async def _answer(
        self, request: Request, choose: Callable[[dict[str, str]], Endpoint]
    ) -> Response:
        exchange: Exchange | None = None
        try:
            if request.method != "POST":
                raise Refusal(METHOD_NOT_ALLOWED, request.method)
            parameters = forms.parse(await forms.read_body(request))
            if "authorization" in request.headers:
                reason = "clients prove themselves by certificate or assertion only"
                raise Refusal(OAUTH_INVALID_CLIENT, reason, why=reason)
            exchange = self._exchange(request, parameters, None)
            return _with_nonce(
                _on_the_wire(await pipeline.run(choose(parameters), exchange)), exchange
            )
        except Refusal as refusal:
            _log.info("oauth refused", code=refusal.outcome.code, detail=refusal.detail)
            return _with_nonce(self._error(refusal), exchange)
        except Exception:
            _log.exception("oauth failed")
            return self._error(Refusal(PLATFORM_ERROR))

    def _exchange(
        self, request: Request, parameters: dict[str, str], visit: str | None
    ) -> Exchange:
        return Exchange(
            services=self._services,
            parameters=parameters,
            certificate=presented_certificate(request),
            now=self._services.database.clock.now(),
            url=self._origin(request) + request.url.path,
            proofs=tuple(request.headers.getlist("dpop")),
            visit=visit,
            method=request.method,
            authorization=request.headers.get("authorization"),
            accepts_signed=_accepts(request, SIGNED),
        )

    def _origin(self, request: Request) -> str:
        """Where the caller sent it: the port says under which of the two origins."""
        addresses = self._services.addresses
        is_mtls = request.headers.get("weir-port-kind") == "mtls"
        return addresses.mtls if is_mtls else addresses.issuer

    def _error(self, refusal: Refusal, allowed: str = "POST") -> Response:
        answer = refused(self._services.addresses, refusal)
        if refusal.outcome is METHOD_NOT_ALLOWED:
            answer.headers["allow"] = allowed
        return answer


def presented_certificate(request: Request) -> str | None:
    """`x5t#S256` of the verified client certificate a gateway passed on, if there was one."""
    encoded = request.headers.get(_CERTIFICATE_HEADER)
    if not encoded:
        return None
    try:
        der = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise Refusal(PLATFORM_ERROR, "the gateway sent no DER") from error
    return b64url(sha256(der).digest())


def set_host_cookie(response: Response, name: str, value: str, lifetime_s: int) -> None:
    """A cookie only this host can set and read (RFC 6265bis section 4.1.3.2)."""
    response.set_cookie(
        name, value, max_age=lifetime_s, path="/", secure=True, httponly=True, samesite="lax"
    )


def _with_nonce(response: Response, exchange: Exchange | None) -> Response:
    """RFC 9449 section 8.2: whoever sent a proof is told the nonce for the next one."""
    if exchange is not None and exchange.fresh_nonce is not None:
        response.headers["dpop-nonce"] = exchange.fresh_nonce
    return response


def _accepts(request: Request, media_type: str) -> bool:
    """Whether the caller names this type (RFC 9110 section 12.5.1), whatever else it likes."""
    named = request.headers.get("accept", "").lower().split(",")
    return media_type in (each.partition(";")[0].strip() for each in named)


def _challenge(outcome: Outcome) -> str:
    """RFC 6750 section 3, RFC 9449 section 7.1."""
    error = f' error="{outcome.oauth}"' if outcome.oauth else ""
    if outcome in (DPOP_PROOF_INVALID, TOKEN_SCHEME_WRONG):
        return f'DPoP{error}{"," if error else ""} algs="{" ".join(ALGORITHMS)}"'
    return f"Bearer{error}"


def _on_the_wire(answer: Answer) -> Response:
    if answer.text is not None:
        return Response(answer.text, answer.status, headers=NO_STORE, media_type=answer.media_type)
    if answer.body is None:
        return Response(status_code=answer.status, headers=NO_STORE)
    return JSONResponse(dict(answer.body), answer.status, headers=NO_STORE)
