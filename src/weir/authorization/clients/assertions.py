"""Client assertions (RFC 7523 as FAPI 2.0 narrows it). Pure: the caller brings keys and time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from weir.authorization.declares import (
    CLIENT_ASSERTION_CHARACTERS,
    CLIENT_ASSERTION_LIFETIME_S,
    OAUTH_INVALID_CLIENT,
    REQUEST_OBJECT_CHARACTERS,
)
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S
from weir.kernel.outcomes import Refusal
from weir.keys import jose
from weir.keys.declares import JTI_CHARACTERS

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_TYPES: Final = frozenset({"jwt", "client-authentication+jwt"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """A valid proof. It may be used once; `issued_at_s` is the earliest it can have been made."""

    jti: str
    issued_at_s: float
    expires_at_s: float


def subject_of(token: str) -> str | None:
    """Return an assertion's subject, unverified: only to look the client's keys up."""
    try:
        return _text(_read(token)[1].get("sub"))
    except ValueError:
        return None


def kid_of(token: str) -> str | None:
    """Return the key identifier in a JWT's header, unverified: only to look for the key."""
    try:
        return _text(jose.segments(token, REQUEST_OBJECT_CHARACTERS)[0].get("kid"))
    except ValueError:
        return None


def claims_of(
    token: str, jwks: Mapping[str, Any], algorithms: Collection[str] = jose.ALGORITHMS
) -> dict[str, Any]:
    """Return the claims of an assertion signed by one of these keys. OAUTH_INVALID_CLIENT
    otherwise.
    """
    try:
        header, claims = _read(token)
    except ValueError as error:
        raise _wrong("not a compact JWT", str(error)) from error
    algorithm = str(header.get("alg"))
    if algorithm not in algorithms:
        raise _wrong(f"alg must be one of {', '.join(algorithms)}")
    if not jose.FOREIGN_KEYS.isdisjoint(header):
        raise _wrong("the header brings a key or an extension of its own")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise _wrong("typ is not JWT")
    for key in jose.matching_keys(header, algorithm, jwks):
        if jose.verifies(token, key, algorithm):
            return claims
    raise _wrong("no registered key verifies the signature")


def judge(
    claims: Mapping[str, Any],
    client_id: str,
    issuer: str,
    now_s: float,
    endpoints: Collection[str] = (),
) -> Assertion:
    """Check that verified claims prove this client to this server now. OAUTH_INVALID_CLIENT.

    RFC 7523 section 3, with FAPI 2.0 section 5.3.2.1: the audience is the issuer as one string
    (item 8), and times lie at most CLOCK_AHEAD_ACCEPTED_S ahead (item 13). `endpoints` are
    addresses that will do as well.
    """
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise _wrong("iss and sub must both be the client_id")
    audience = claims.get("aud")
    if audience != issuer and (not isinstance(audience, str) or audience not in endpoints):
        raise _wrong("aud must be the issuer, as one string")
    expires_at_s = _moment(claims, "exp")
    if expires_at_s is None or expires_at_s <= now_s:
        raise _wrong("exp is missing or past")
    if expires_at_s > now_s + CLIENT_ASSERTION_LIFETIME_S + CLOCK_AHEAD_ACCEPTED_S:
        raise _wrong(f"exp lies over {CLIENT_ASSERTION_LIFETIME_S} seconds ahead")
    issued_at_s, not_before_s = _moment(claims, "iat"), _moment(claims, "nbf")
    for name, at_s in (("iat", issued_at_s), ("nbf", not_before_s)):
        if at_s is not None and at_s > now_s + CLOCK_AHEAD_ACCEPTED_S:
            raise _wrong(f"{name} lies ahead of this server's clock")
    jti = _text(claims.get("jti"))
    if jti is None or not 0 < len(jti) <= JTI_CHARACTERS:
        raise _wrong("jti is missing or too long")
    if issued_at_s is None:
        issued_at_s = expires_at_s - CLIENT_ASSERTION_LIFETIME_S
    return Assertion(jti, issued_at_s, expires_at_s)


@lru_cache(maxsize=16)
def _read(token: str) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return header and claims, kept: naming the client and proving
    it read the same token in turn.
    """
    return jose.segments(token, CLIENT_ASSERTION_CHARACTERS)


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    try:
        return jose.numeric_date(claims, name)
    except ValueError as error:
        raise _wrong(str(error)) from error


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _wrong(reason: str, detail: str = "") -> Refusal:
    return Refusal(OAUTH_INVALID_CLIENT, f"client assertion: {reason} {detail}".strip(), why=reason)
