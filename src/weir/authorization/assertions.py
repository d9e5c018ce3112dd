"""Client assertions (RFC 7523 as FAPI 2.0 narrows it). Pure: the caller brings keys and time."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import import_key

from weir.kernel import limits
from weir.kernel.outcomes import OAUTH_INVALID_CLIENT, Refusal
from weir.kernel.strict_json import loads

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# FAPI 2.0 section 5.4.1. `Ed25519` is RFC 9864's name for what RFC 8037 calls `EdDSA`.
ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "Ed25519")
_KEY_OF: Final = {
    "ES256": ("EC", "P-256"),
    "PS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
# Keys come from the client's registration alone (RFC 8725 section 3.10).
_FOREIGN_KEYS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit"})
_TYPES: Final = frozenset({"jwt", "client-authentication+jwt"})
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_JTI_CHARACTERS: Final = 256

# FAPI 2.0 names EdDSA; keys are limited to Ed25519 here, which is what RFC 9864 asks for.
warnings.filterwarnings("ignore", "EdDSA is deprecated via RFC 9864", SecurityWarning)


@dataclass(frozen=True, slots=True)
class Assertion:
    """A valid proof. It may be used once; `issued_at_s` is the earliest it can have been made."""

    jti: str
    issued_at_s: float
    expires_at_s: float


def subject_of(token: str) -> str | None:
    """Who an assertion speaks for, unverified: only to look the client's keys up."""
    try:
        return _text(_segments(token)[1].get("sub"))
    except ValueError:
        return None


def claims_of(token: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of an assertion signed by one of these keys. OAUTH_INVALID_CLIENT otherwise."""
    try:
        header, claims = _segments(token)
    except ValueError as error:
        raise _wrong("not a compact JWT", str(error)) from error
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise _wrong("alg must be ES256, PS256 or EdDSA")
    if _FOREIGN_KEYS & header.keys():
        raise _wrong("the header brings a key or an extension of its own")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise _wrong("typ is not JWT")
    for key in _fitting(header, algorithm, jwks):
        if _verifies(token, key, algorithm):
            return claims
    raise _wrong("no registered key verifies the signature")


def judge(claims: Mapping[str, Any], client_id: str, issuer: str, now_s: float) -> Assertion:
    """Whether verified claims prove this client to this server now.

    RFC 7523 section 3, with FAPI 2.0 section 5.3.2.1: the audience is the issuer as one string
    (item 8), and times lie at most `limits.CLOCK_AHEAD_ACCEPTED_S` ahead (item 13).
    """
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise _wrong("iss and sub must both be the client_id")
    if claims.get("aud") != issuer:
        raise _wrong("aud must be the issuer, as one string")
    expires_at_s = _moment(claims, "exp")
    if expires_at_s is None or expires_at_s <= now_s:
        raise _wrong("exp is missing or past")
    if expires_at_s > now_s + limits.CLIENT_ASSERTION_LIFETIME_S + limits.CLOCK_AHEAD_ACCEPTED_S:
        raise _wrong(f"exp lies over {limits.CLIENT_ASSERTION_LIFETIME_S} seconds ahead")
    issued_at_s, not_before_s = _moment(claims, "iat"), _moment(claims, "nbf")
    for name, at_s in (("iat", issued_at_s), ("nbf", not_before_s)):
        if at_s is not None and at_s > now_s + limits.CLOCK_AHEAD_ACCEPTED_S:
            raise _wrong(f"{name} lies ahead of this server's clock")
    jti = _text(claims.get("jti"))
    if jti is None or not 0 < len(jti) <= _JTI_CHARACTERS:
        raise _wrong("jti is missing or too long")
    if issued_at_s is None:
        issued_at_s = expires_at_s - limits.CLIENT_ASSERTION_LIFETIME_S
    return Assertion(jti, issued_at_s, expires_at_s)


def _segments(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, read strictly: a name given twice is refused, whoever would win."""
    if len(token) > limits.CLIENT_ASSERTION_CHARACTERS or not _COMPACT.fullmatch(token):
        raise ValueError("not compact or too long")
    header, claims = (_json(segment) for segment in token.split(".")[:2])
    return header, claims


def _json(segment: str) -> dict[str, Any]:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    value = loads(raw)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _fitting(
    header: Mapping[str, Any], algorithm: str, jwks: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Registered keys that may have signed this: by `kid` when it has one, by kind always."""
    kind, curve = _KEY_OF[algorithm]
    for key in list(jwks.get("keys", ()))[: limits.CLIENT_KEYS]:
        if "kid" in header and key.get("kid") != header["kid"]:
            continue
        if key.get("kty") != kind or (curve is not None and key.get("crv") != curve):
            continue
        if _KEY_OF.get(key.get("alg", algorithm)) == (kind, curve):
            yield key


def _verifies(token: str, key: dict[str, Any], algorithm: str) -> bool:
    try:
        jws.deserialize_compact(token, import_key(key), algorithms=[algorithm])
    except (JoseError, ValueError):
        return False
    return True


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 section 2), or None when the claim is absent."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise _wrong(f"{name} is not a time")
    return float(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _wrong(reason: str, detail: str = "") -> Refusal:
    return Refusal(OAUTH_INVALID_CLIENT, f"client assertion: {reason} {detail}".strip(), why=reason)
