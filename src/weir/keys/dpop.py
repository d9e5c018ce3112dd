"""DPoP proofs (RFC 9449 section 4): the holder of a key proves that it makes this request now.

Pure: the caller itself must check by `Proof.name` that a proof was not used before.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S, URL_CHARACTERS
from weir.kernel.strict_json import canonical
from weir.keys import jose
from weir.keys.declares import (
    DPOP_PROOF_AGE_S,
    DPOP_PROOF_CHARACTERS,
    JTI_CHARACTERS,
    KNOWN_ADDRESSES,
    KNOWN_HEADERS,
    RSA_BITS_MAX,
    RSA_BITS_MIN,
)

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_FOREIGN: Final = jose.FOREIGN_KEYS - {"jwk"}
_ESCAPED: Final = re.compile("%[0-9A-Fa-f]{2}")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # base64url of 32 bytes
KEPT_S: Final = DPOP_PROOF_AGE_S + 2 * CLOCK_AHEAD_ACCEPTED_S


class ProofError(Exception):
    """A proof is malformed, or is not valid for this request. The message may be shown."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A valid proof.

    `thumbprint` is that of its key (RFC 7638). `name` identifies the proof, which may be used only
    once. `issued_at_s` is in Unix seconds.
    """

    thumbprint: str
    name: str
    issued_at_s: float
    nonce: str | None


def read(
    proof: str,
    *,
    method: str,
    url: str,
    now_s: float,
    access_token: bytes | None = None,
    algorithms: Collection[str] = jose.ALGORITHMS,
) -> Proof:
    """Check a proof by RFC 9449 section 4.3, except for nonce and replay, or raise ProofError.

    `access_token` is the one that the request carries, at a resource server. `algorithms` are the
    accepted ones. `now_s` is in Unix seconds.
    """
    try:
        header, claims = jose.segments(proof, DPOP_PROOF_CHARACTERS)
        key, thumbprint = _known_key(proof.partition(".")[0], tuple(algorithms))
        if not jose.verifies(proof, key, header["alg"]):
            raise ProofError("the signature is not of the key in the header")
        _check_request(claims, method, url, access_token)
        issued_at_s = _issued_at_s(claims, now_s)
    except ValueError as error:
        raise ProofError("the proof is not a well-formed JWT") from error
    name = sha256(f"{thumbprint}|{_jti(claims)}".encode()).hexdigest()
    nonce = claims.get("nonce")
    return Proof(thumbprint, name, issued_at_s, nonce if isinstance(nonce, str) else None)


def thumbprint_of(key: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint of a JWK in base64url (RFC 7638 section 3)."""
    members = {name: key[name] for name in ("kty", *jose.MEMBERS[key["kty"]])}
    return _b64url(sha256(canonical(members)).digest())


@lru_cache(maxsize=KNOWN_ADDRESSES)
def normalise_url(url: str) -> str:
    """Return an https address in its normal form (RFC 3986 section 6.2), without query or fragment.

    ValueError when it has no host, or names a user.
    """
    parts: SplitResult = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError("not an address")
    port = "" if parts.port in (None, 443) else f":{parts.port}"
    path = _ESCAPED.sub(_respelt, parts.path) or "/"
    return f"{parts.scheme.lower()}://{parts.hostname}{port}{path}"


@lru_cache(maxsize=KNOWN_HEADERS)
def _known_key(segment: str, algorithms: tuple[str, ...]) -> tuple[Mapping[str, Any], str]:
    """The key in a header, and its thumbprint; cached, as a client's proofs share one header."""
    key = _key(jose.header(segment), algorithms)
    return MappingProxyType(key), thumbprint_of(key)


def _key(header: Mapping[str, Any], algorithms: Collection[str]) -> dict[str, Any]:
    """The public key in the header, with only the members that define it; ProofError else."""
    if header.get("typ") != "dpop+jwt":
        raise ProofError("typ is not dpop+jwt")
    algorithm, key = str(header.get("alg")), header.get("jwk")
    if algorithm not in algorithms:
        raise ProofError(f"alg must be one of {', '.join(algorithms)}")
    if not isinstance(key, dict) or not _PRIVATE.isdisjoint(key):
        raise ProofError("jwk must be a public key")
    if not _FOREIGN.isdisjoint(header):
        raise ProofError("the header brings an extension or another key")
    kind, curve = jose.KIND_OF[algorithm]
    if key.get("kty") != kind or (curve is not None and key.get("crv") != curve):
        raise ProofError("jwk does not fit alg")
    members = {name: key.get(name) for name in ("kty", *jose.MEMBERS[kind])}
    if not all(isinstance(value, str) for value in members.values()):
        raise ProofError("jwk lacks a member")
    if kind == "RSA" and not _is_strong(str(members["n"]), str(members["e"])):
        raise ProofError("an RSA key has at least 2048 bits")
    return members


def _is_strong(modulus: str, exponent: str) -> bool:
    """Whether an RSA key is long enough (FAPI 2.0 section 5.4.1) yet fast enough to verify with."""
    try:
        octets = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except binascii.Error:
        return False
    bits = int.from_bytes(octets, "big").bit_length()
    return RSA_BITS_MIN <= bits <= RSA_BITS_MAX and exponent == "AQAB"


def _check_request(
    claims: Mapping[str, Any], method: str, url: str, access_token: bytes | None
) -> None:
    if claims.get("htm") != method:
        raise ProofError("htm is not the request's method")
    address = claims.get("htu")
    if not isinstance(address, str) or len(address) > URL_CHARACTERS:
        raise ProofError("htu is missing")
    if normalise_url(address) != normalise_url(url):
        raise ProofError("htu is not the request's address")
    if access_token is not None and claims.get("ath") != _b64url(sha256(access_token).digest()):
        raise ProofError("ath is not the access token's digest")


def _issued_at_s(claims: Mapping[str, Any], now_s: float) -> float:
    """The claim `iat` in Unix seconds, checked by FAPI 2.0 section 5.3.2.1 item 13.

    The optional claims `exp` and `nbf` are checked where present. ProofError.
    """
    issued_at_s = jose.numeric_date(claims, "iat")
    latest_s = now_s + CLOCK_AHEAD_ACCEPTED_S
    if issued_at_s is None or not now_s - DPOP_PROOF_AGE_S <= issued_at_s <= latest_s:
        raise ProofError("iat is missing, too old or ahead of this server's clock")
    expires_at_s, not_before_s = jose.numeric_date(claims, "exp"), jose.numeric_date(claims, "nbf")
    if expires_at_s is not None and expires_at_s <= now_s:
        raise ProofError("exp is past")
    if not_before_s is not None and not_before_s > latest_s:
        raise ProofError("nbf lies ahead of this server's clock")
    return issued_at_s


def _jti(claims: Mapping[str, Any]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_CHARACTERS:
        raise ProofError("jti is missing or too long")
    return jti


def _respelt(escaped: re.Match[str]) -> str:
    character = chr(int(escaped[0][1:], 16))
    return character if character in _UNRESERVED else escaped[0].upper()


def _b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
