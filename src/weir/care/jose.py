"""JWTs that others signed, read strictly (RFC 8725). Pure: the caller brings keys and time."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import import_key

from weir.kernel import limits
from weir.kernel.strict_json import loads

# FAPI 2.0 section 5.4.1. `Ed25519` is RFC 9864's name for what RFC 8037 calls `EdDSA`.
ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "Ed25519")
KIND_OF: Final[dict[str, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "PS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
# Where a verifier would take a key from that nobody registered (RFC 8725 section 3.10).
FOREIGN_KEYS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit"})
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)

# FAPI 2.0 names EdDSA; keys are limited to Ed25519 here, which is what RFC 9864 asks for.
warnings.filterwarnings("ignore", "EdDSA is deprecated via RFC 9864", SecurityWarning)


class _Registry(jws.JWSRegistry):
    """joserfc's own bound is shorter than a header that holds an RSA key."""

    max_header_length = limits.DPOP_PROOF_CHARACTERS


def segments(token: str, at_most: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unverified and read strictly: a name given twice is refused (ValueError),
    whoever would win. `at_most` is in characters.
    """
    if len(token) > at_most or not _COMPACT.fullmatch(token):
        raise ValueError("not compact or too long")
    header, claims = (_json(segment) for segment in token.split(".")[:2])
    return header, claims


def fitting(
    header: Mapping[str, Any], algorithm: str, jwks: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Registered keys that may have signed this: by `kid` when it has one, by kind always."""
    kind, curve = KIND_OF[algorithm]
    for key in list(jwks.get("keys", ()))[: limits.CLIENT_KEYS]:
        if "kid" in header and key.get("kid") != header["kid"]:
            continue
        if key.get("kty") != kind or (curve is not None and key.get("crv") != curve):
            continue
        if KIND_OF.get(key.get("alg", algorithm)) == (kind, curve):
            yield key


def verifies(token: str, key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether the key signed the token with this algorithm and no other."""
    try:
        registry = _Registry(algorithms=[algorithm])
        jws.deserialize_compact(token, import_key(dict(key)), registry=registry)
    except (JoseError, ValueError):
        return False
    return True


def moment(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 section 2), None when it is absent, ValueError when it is no time."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise ValueError(f"{name} is not a time")
    return float(value)


def _json(segment: str) -> dict[str, Any]:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    value = loads(raw)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
