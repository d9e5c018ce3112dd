"""Strict reading and verifying of JWTs from outside (RFC 8725); pure, without I/O."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from weir.kernel.strict_json import loads
from weir.keys.declares import CLIENT_KEYS, KNOWN_HEADER_CHARACTERS, KNOWN_HEADERS

# FAPI 2.0 section 5.4.1. `Ed25519` is the name in RFC 9864 for the `EdDSA` of RFC 8037.
ALGORITHMS: Final[tuple[str, ...]] = ("ES256", "PS256", "EdDSA", "Ed25519")
KIND_OF: Final[dict[str, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "PS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
# Header members that offer a key that is not registered, or an extension (RFC 8725 section 3.10).
FOREIGN_KEYS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit"})
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)

# The members that define a key of each kind, as RFC 7638 section 3.2 lists them.
MEMBERS: Final = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("e", "n")}
_COORDINATE_BYTES: Final = 32
_ES256: Final = ec.ECDSA(SHA256())
_SHA256: Final = SHA256()
_PSS: Final = padding.PSS(padding.MGF1(SHA256()), _COORDINATE_BYTES)  # RFC 7518 section 3.5
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def segments(token: str, at_most: int) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return the header and the claims of a compact JWT, read strictly but not verified.

    `at_most` is in characters. ValueError when the token is longer, is not compact, or repeats a
    name.
    """
    if len(token) > at_most or not _COMPACT.fullmatch(token):
        raise ValueError("not compact or too long")
    first, claims, _ = token.split(".")
    return header(first), _json(claims)


def header(segment: str) -> Mapping[str, Any]:
    """Return the header in the first part of a token, not verified. ValueError when it is none."""
    short = len(segment) <= KNOWN_HEADER_CHARACTERS
    return (_known_header if short else _json)(segment)


def matching_keys(
    header: Mapping[str, Any], algorithm: str, jwks: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the registered keys that may have signed a token.

    They fit the algorithm, and the `kid` of the header when it has one.
    """
    kind, curve = KIND_OF[algorithm]
    for key in list(jwks.get("keys", ()))[:CLIENT_KEYS]:
        if "kid" in header and key.get("kid") != header["kid"]:
            continue
        if key.get("kty") != kind or (curve is not None and key.get("crv") != curve):
            continue
        if key.get("use", "sig") != "sig":
            continue
        if KIND_OF.get(key.get("alg", algorithm)) == (kind, curve):
            yield key


def verifies(token: str, key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether the key signed the token with this algorithm and no other (RFC 7515 section 5.2)."""
    kind, _ = KIND_OF[algorithm]
    if key.get("kty") != kind:
        return False
    signed, _, encoded = token.rpartition(".")
    try:
        public = _public_key(kind, tuple(key[name] for name in MEMBERS[kind]))
        _verify(public, _decoded(encoded), signed.encode("ascii"))
    except (InvalidSignature, JoseError, LookupError, TypeError, ValueError):
        return False
    return True


def numeric_date(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a claim that is a NumericDate (RFC 7519 section 2) in Unix seconds, None without it.

    ValueError when the claim is no time.
    """
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise ValueError(f"{name} is not a time")
    return float(value)


def _verify(public: PublicKey, signature: bytes, signed: bytes) -> None:
    """Verify a signature (RFC 7518 sections 3.4 and 3.5, RFC 8037 section 3.1).

    InvalidSignature when it does not hold, ValueError when it has another length.
    """
    if isinstance(public, ec.EllipticCurvePublicKey):
        if len(signature) != 2 * _COORDINATE_BYTES:
            raise ValueError("an ES256 signature has 64 bytes")
        r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
        der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        public.verify(der, signed, _ES256)
    elif isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, signed, _PSS, _SHA256)
    else:
        public.verify(signature, signed)


@lru_cache(maxsize=KNOWN_HEADERS)
def _public_key(kind: str, members: tuple[str, ...]) -> PublicKey:
    """The key with these members; cached, since importing a key costs more than verifying."""
    jwk: dict[str, str | list[str]] = {
        "kty": kind,
        **dict(zip(MEMBERS[kind], members, strict=True)),
    }
    public = import_key(jwk).public_key
    assert isinstance(public, PublicKey)
    return public


@lru_cache(maxsize=KNOWN_HEADERS)
def _known_header(segment: str) -> Mapping[str, Any]:
    """The header in a segment; cached, since a client sends the same header again and again."""
    return MappingProxyType(_json(segment))


def _json(segment: str) -> dict[str, Any]:
    value = loads(_decoded(segment))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
