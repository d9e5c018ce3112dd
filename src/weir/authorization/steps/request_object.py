"""Signed request objects (JAR, RFC 9101), as FAPI 2.0 Message Signing section 5.3 narrows them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, Final

from weir.authorization.declares import (
    OAUTH_INVALID_REQUEST_OBJECT,
    REQUEST_OBJECT_CHARACTERS,
    REQUEST_OBJECT_LIFETIME_S,
)
from weir.authorization.exchange import Exchange, wrong
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S
from weir.kernel.outcomes import Refusal
from weir.keys import jose
from weir.keys.declares import JTI_CHARACTERS

_TYPES: Final = frozenset({"jwt", "oauth-authz-req+jwt"})
# Claims about the object itself, and not about the request in it.
_OF_THE_OBJECT: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub", "client_id"})


def brings_no_request_uri(exchange: Exchange) -> None:
    """Refuse `request_uri` in a pushed request (RFC 9126 section 2.1)."""
    if "request_uri" in exchange.parameters:
        raise wrong("request_uri", "is not taken here")


def request_object_is_opened(exchange: Exchange) -> None:
    """Read the request from its signed object; parameters beside it count for nothing.

    RFC 9101 section 6.3, RFC 9126 section 3. A registered algorithm is the only one (OpenID Connect
    Registration section 2). OAUTH_INVALID_REQUEST when there is none and the client must sign:
    there is no object that could be invalid (RFC 9126 section 2.3).
    """
    if "request" in exchange.parameters:
        registered = exchange.client.constraints.request_object_signing_alg
        open_object(exchange, registered, required=("iss", "client_id"))
    elif exchange.client.require_signed_request_object:
        raise wrong("request", "is missing: the application is registered as one that signs")


def open_object(exchange: Exchange, registered: str | None, *, required: Collection[str]) -> None:
    """Put the parameters of the signed object in place of the form's. OAUTH_INVALID_REQUEST_OBJECT.

    It is signed with the registered algorithm, if there is one. The claims `iss` and `client_id`
    name the client; those in `required` must be there.
    """
    try:
        claims = _verified(
            exchange.parameters["request"],
            exchange.client.jwks,
            exchange.algorithms_of(registered),
        )
        _check_parties(claims, exchange.client.id, exchange.services.addresses.issuer, required)
        _check_times(claims, exchange.now.timestamp())
    except ValueError as error:
        raise _refused(str(error)) from error
    exchange.parameters, exchange.request_claims = _parameters(claims), claims


async def request_object_does_not_replay(exchange: Exchange) -> None:
    """Refuse a `jti` that was used before (RFC 9101 section 10.2).

    FAPI 2.0 Message Signing section 5.3.1 requires none; without one the client's proof beside the
    object counts once all the same.
    """
    jti = exchange.request_claims.get("jti")
    if jti is None:
        return
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_CHARACTERS:
        raise _refused("jti is not a text of usual length")
    cache = exchange.services.cache
    if exchange.request_claims["nbf"] < await cache.started_at_s() - CLOCK_AHEAD_ACCEPTED_S:
        raise _refused("the object is older than this server's memory: make a new one")
    name = sha256(f"{exchange.client.id}|{jti}".encode()).hexdigest()
    left_s = int(exchange.request_claims["exp"] - exchange.now.timestamp()) + 1
    if not await cache.claim_once(f"request:{name}", left_s + CLOCK_AHEAD_ACCEPTED_S):
        raise _refused("the object was used before")


def _verified(token: str, jwks: Mapping[str, Any], algorithms: Collection[str]) -> dict[str, Any]:
    """Return the claims of an object that a registered key signed. OAUTH_INVALID_REQUEST_OBJECT.

    ValueError when it is not a compact JWT.
    """
    header, claims = jose.segments(token, REQUEST_OBJECT_CHARACTERS)
    algorithm = str(header.get("alg"))
    if algorithm not in algorithms:
        raise _refused(f"alg must be one of {', '.join(algorithms)}")
    if not jose.FOREIGN_KEYS.isdisjoint(header):
        raise _refused("the header brings a key or an extension of its own")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise _refused("typ is not oauth-authz-req+jwt")
    keys = jose.matching_keys(header, algorithm, jwks)
    if not any(jose.verifies(token, key, algorithm) for key in keys):
        raise _refused("no registered key verifies the signature")
    return claims


def _check_parties(
    claims: Mapping[str, Any], client_id: str, issuer: str, required: Collection[str]
) -> None:
    """Check that the object is this client's, for this server, with no request nested in it.

    RFC 9101 sections 4 and 5, CIBA Core section 7.1.1.
    """
    named = {name: claims.get(name) for name in ("iss", "client_id") if name in claims}
    if not set(required) <= named.keys() or set(named.values()) != {client_id}:
        raise _refused(f"{' and '.join(required)} must be the client_id")
    audience = claims.get("aud")
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise _refused("aud must be or contain the issuer")
    if {"request", "request_uri"} & claims.keys():
        raise _refused("a request object holds no other request")


def _check_times(claims: Mapping[str, Any], now_s: float) -> None:
    """Check that the object lasts at most an hour, which began at most an hour ago.

    FAPI 2.0 Message Signing section 5.3.1.
    """
    not_before_s, expires_at_s = jose.numeric_date(claims, "nbf"), jose.numeric_date(claims, "exp")
    if not_before_s is None or expires_at_s is None:
        raise _refused("exp and nbf are required")
    if not_before_s > now_s + CLOCK_AHEAD_ACCEPTED_S:
        raise _refused("nbf lies ahead of this server's clock")
    if not_before_s < now_s - REQUEST_OBJECT_LIFETIME_S:
        raise _refused("nbf lies over 60 minutes in the past")
    if expires_at_s <= now_s:
        raise _refused("exp is past")
    if expires_at_s > not_before_s + REQUEST_OBJECT_LIFETIME_S:
        raise _refused("exp lies over 60 minutes after nbf")


def _parameters(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the request's parameters, as a form would have brought them (RFC 9101 section 4)."""
    found: dict[str, str] = {}
    for name, value in claims.items():
        if name in _OF_THE_OBJECT or value in (None, ""):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if any(ord(character) < 32 or ord(character) == 127 for character in text):
            raise wrong(name, "holds a control character")
        found[name] = text
    return found


def _refused(reason: str) -> Refusal:
    return Refusal(OAUTH_INVALID_REQUEST_OBJECT, reason, why=reason)
