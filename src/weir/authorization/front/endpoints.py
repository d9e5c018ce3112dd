"""The endpoints that applications call: requests into exchanges, answers and refusals back.

Served behind a gateway, which sets the `weir-*` headers on a private socket after it has removed
any a caller sent; so a certificate named here was verified by TLS. Each endpoint is an ASGI
application: a request takes microseconds here, and a framework's layers would cost more than that.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import msgspec
import structlog

from weir.authorization import pipeline
from weir.authorization.declares import OAUTH_INVALID_CLIENT, OAUTH_TOO_MANY_REQUESTS
from weir.authorization.exchange import Answer, Exchange
from weir.authorization.front.error_answers import error_of
from weir.authorization.grammar import forms
from weir.authorization.pipeline import Endpoint
from weir.authorization.services import Services
from weir.authorization.steps.introspection import SIGNED
from weir.kernel import inputs
from weir.kernel.declares import PLATFORM_ERROR
from weir.kernel.outcomes import Fault, Refusal
from weir.keys import challenges
from weir.keys.vault import b64url
from weir.partners.classes import PRIVATE_KEY_JWT
from weir.wire.declares import METHOD_NOT_ALLOWED
from weir.wire.networks import network_of

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Field = tuple[bytes, bytes]

_log = structlog.get_logger("weir.authorization")
_UNAUTHORIZED: Final = 401
_SCHEME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,31}")  # an auth-scheme, RFC 9110 section 11.1
_OPEN_WAY: Final = PRIVATE_KEY_JWT.encode("ascii")
_ADDRESSES: Final = 1_024  # remembered as they were read
_USERINFO: Final = {"GET": Endpoint.USERINFO, "POST": Endpoint.USERINFO}
_GRANT: Final = {"GET": Endpoint.GRANT_QUERY, "DELETE": Endpoint.GRANT_REVOKE}
_GRANTS: Final = "/grants/"
_NO_STORE: Final[list[Field]] = [(b"cache-control", b"no-store"), (b"pragma", b"no-cache")]
_JSON: Final = b"application/json"
_BY_PATH: Final[dict[str, Callable[[Mapping[str, str]], Endpoint]]] = {
    "/par": lambda _: Endpoint.PAR,
    "/token": lambda form: pipeline.token_endpoint_for(form.get("grant_type")),
    "/bc-authorize": lambda _: Endpoint.BACKCHANNEL,
    "/revoke": lambda _: Endpoint.REVOKE,
    "/introspect": lambda _: Endpoint.INTROSPECT,
}


class Endpoints:
    """Answers at its endpoints' addresses; every other address is for `otherwise`.

    Every method comes here, so that the wrong one is refused by name and not as an unknown address.
    """

    def __init__(self, services: Services, otherwise: Asgi) -> None:
        self._services = services
        self._otherwise = otherwise

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        choose = _BY_PATH.get(path)
        if choose is not None:
            status, fields, body = await self._answer(scope, receive, choose)
        elif path == "/userinfo":
            status, fields, body = await self._resource(scope, _USERINFO, "")
        elif path.startswith(_GRANTS) and "/" not in path[len(_GRANTS) :]:
            status, fields, body = await self._resource(scope, _GRANT, path[len(_GRANTS) :])
        else:
            await self._otherwise(scope, receive, send)
            return
        fields.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    async def _answer(
        self, scope: Any, receive: Any, choose: Callable[[Mapping[str, str]], Endpoint]
    ) -> tuple[int, list[Field], bytes]:
        """Run the chosen endpoint. Return status, header fields and body."""
        exchange: Exchange | None = None
        try:
            named = _first(scope)
            self._slow_down(named)
            if scope["method"] != "POST":
                raise Refusal(METHOD_NOT_ALLOWED, scope["method"])
            media_type = named.get(b"content-type", b"").decode("latin-1")
            parameters = forms.parse(await forms.read_body(media_type, receive))
            if b"authorization" in named:
                reason = "clients prove themselves by certificate or assertion only"
                raise Refusal(OAUTH_INVALID_CLIENT, reason, why=reason)
            exchange = self._exchange(scope, named, parameters)
            answer = await pipeline.run(choose(parameters), exchange)
            return _with_nonce(_on_the_wire(answer), exchange)
        except Refusal as refusal:
            self._count_refused(scope, exchange, refusal)
            _log.info("oauth refused", code=refusal.outcome.code, detail=refusal.detail)
            return _with_nonce(self._turned_away(scope, refusal), exchange)
        except Exception:
            _log.exception("oauth failed")
            return self._error(Refusal(PLATFORM_ERROR), "POST")

    async def _resource(
        self, scope: Any, by_method: Mapping[str, Endpoint], grant_id: str
    ) -> tuple[int, list[Field], bytes]:
        """Run a resource, with the refusals of RFC 6750 section 3. No body is read.

        Return status, header fields and body.
        """
        exchange: Exchange | None = None
        try:
            named = _first(scope)
            self._slow_down(named)
            endpoint = by_method.get(scope["method"])
            if endpoint is None:
                raise Refusal(METHOD_NOT_ALLOWED, scope["method"])
            inputs.address(scope["raw_path"], b"")
            exchange = self._exchange(scope, named, {})
            exchange.grant_id = grant_id
            return _on_the_wire(await pipeline.run(endpoint, exchange))
        except Refusal as refusal:
            self._count_refused(scope, exchange, refusal)
            _log.info("resource refused", code=refusal.outcome.code, detail=refusal.detail)
            answer = self._error(refusal, ", ".join(by_method))
            challenge = challenges.of_refusal(refusal)
            if challenge is not None:
                answer[1].append((b"www-authenticate", challenge.encode("ascii")))
            return answer
        except Exception:
            _log.exception("resource failed")
            return self._error(Refusal(PLATFORM_ERROR), "")

    def _slow_down(self, named: Mapping[bytes, bytes]) -> None:
        """Refuse an address that was refused too often. OAUTH_TOO_MANY_REQUESTS.

        Nothing of its request has been read by then, so that guessing costs the server little.
        """
        wait_s = self._services.rates.refused.wait_s(_address(named), time.monotonic())
        if wait_s:
            raise Refusal(OAUTH_TOO_MANY_REQUESTS, "the address", retry_after_s=wait_s)

    def _count_refused(self, scope: Any, exchange: Exchange | None, refusal: Refusal) -> None:
        """Count a refused request of somebody that has not proven to be a client.

        Requests of a client that has count for its own rate.
        """
        if exchange is not None and exchange.proven:
            return
        outcome = refusal.outcome
        if outcome.fault is Fault.CALLER and outcome is not OAUTH_TOO_MANY_REQUESTS:
            self._services.rates.refused.count(_address(_first(scope)), time.monotonic())

    def _exchange(
        self, scope: Any, named: Mapping[bytes, bytes], parameters: dict[str, str]
    ) -> Exchange:
        services = self._services
        authorization = named.get(b"authorization")
        return Exchange(
            services=services,
            parameters=parameters,
            certificate=thumbprint_of(named.get(b"weir-client-certificate", b"")),
            now=services.database.clock.now(),
            url=origin_of(services, named.get(b"weir-port-kind")) + scope["path"],
            proofs=_proofs(scope),
            method=scope["method"],
            authorization=None if authorization is None else authorization.decode("latin-1"),
            accepts_signed=_accepts(named.get(b"accept", b""), SIGNED),
        )

    def _turned_away(self, scope: Any, refusal: Refusal) -> tuple[int, list[Field], bytes]:
        """Return status, header fields and body of a refusal at an endpoint for clients."""
        answer = self._error(refusal, "POST")
        if refusal.outcome.status == _UNAUTHORIZED:
            attempted = _first(scope).get(b"authorization", b"")
            challenge = _client_challenge(attempted, self._services.addresses.issuer)
            answer[1].append((b"www-authenticate", challenge))
        return answer

    def _error(self, refusal: Refusal, allowed: str) -> tuple[int, list[Field], bytes]:
        """Return status, header fields and body of a refusal."""
        status, told, body = error_of(self._services.addresses, refusal)
        fields = [(name.encode(), value.encode()) for name, value in told.items()]
        fields.append((b"content-type", _JSON))
        if refusal.outcome is METHOD_NOT_ALLOWED:
            fields.append((b"allow", allowed.encode()))
        return status, fields, msgspec.json.encode(body)


def thumbprint_of(encoded: bytes) -> str | None:
    """Return `x5t#S256` of the verified client certificate that a gateway passed on, if any.

    Refusal PLATFORM_ERROR for a value that is not base64.
    """
    if not encoded:
        return None
    try:
        der = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise Refusal(PLATFORM_ERROR, "the gateway sent no DER") from error
    return b64url(sha256(der).digest())


def origin_of(services: Services, port_kind: bytes | None) -> str:
    """Return the origin a request was sent to: the port says which of the two."""
    return services.addresses.mtls if port_kind == b"mtls" else services.addresses.issuer


def _first(scope: Any) -> dict[bytes, bytes]:
    """Return the fields by their names; of one that stands twice, the first."""
    return dict(reversed(scope["headers"]))


def _address(named: Mapping[bytes, bytes]) -> str:
    """Return the address of the caller, which its gateway names."""
    return _read_address(named.get(b"weir-peer", b""))


@lru_cache(_ADDRESSES)
def _read_address(peer: bytes) -> str:
    """Return the address that a peer is counted by; reading it costs more than the count."""
    return network_of(peer.decode("latin-1"))


def _proofs(scope: Any) -> tuple[str, ...]:
    return tuple([value.decode("latin-1") for name, value in scope["headers"] if name == b"dpop"])


def _with_nonce(
    answer: tuple[int, list[Field], bytes], exchange: Exchange | None
) -> tuple[int, list[Field], bytes]:
    """Add the nonce for the next proof, if the request had a proof (RFC 9449 section 8.2)."""
    if exchange is not None and exchange.fresh_nonce is not None:
        answer[1].append((b"dpop-nonce", exchange.fresh_nonce.encode()))
    return answer


def _accepts(accepted: bytes, media_type: str) -> bool:
    """Whether the caller names this type (RFC 9110 section 12.5.1), among others or alone."""
    named = accepted.decode("latin-1").lower().split(",")
    return media_type in (each.partition(";")[0].strip() for each in named)


def _client_challenge(attempted: bytes, issuer: str) -> bytes:
    """Return the challenge to a client that has not proven itself (RFC 9110 section 15.5.2).

    It names the scheme that the client tried in its Authorization field (RFC 6749 section 5.2), or
    else a way that is open here, by its name in the metadata.
    """
    scheme = attempted.partition(b" ")[0]
    if _SCHEME.fullmatch(scheme) is None:
        scheme = _OPEN_WAY
    return b'%b realm="%b"' % (scheme, issuer.encode("ascii"))


def _on_the_wire(answer: Answer) -> tuple[int, list[Field], bytes]:
    """Return status, header fields and body of an answer."""
    fields = _NO_STORE.copy()
    if answer.text is not None:
        assert answer.media_type is not None
        fields.append((b"content-type", answer.media_type.encode()))
        return answer.status, fields, answer.text.encode()
    if answer.body is None:
        return answer.status, fields, b""
    fields.append((b"content-type", _JSON))
    return answer.status, fields, msgspec.json.encode(answer.body)
