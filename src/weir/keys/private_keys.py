"""Private keys of the platform by JWS algorithm: generate, store, sign, verify.

FAPI 2.0 Security Profile section 5.4.1 allows three algorithms: ES256, PS256 and EdDSA, the last of
which means Ed25519 here (RFC 9864 section 2).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

ES256: Final = "ES256"
PS256: Final = "PS256"
EDDSA: Final = "EdDSA"
SIGNING_ALGORITHMS: Final = (ES256, PS256, EDDSA)  # of our own keys
_RSA_BITS: Final = 3_072
_POINT_BYTES: Final = 32  # of P-256 and of Ed25519
_ECDSA: Final = ec.ECDSA(SHA256())
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
PSS: Final = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)  # RFC 7518 section 3.5


def generate(algorithm: str) -> PrivateKey:
    """Generate a key for one of SIGNING_ALGORITHMS."""
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == PS256:
        return rsa.generate_private_key(65_537, _RSA_BITS)
    assert algorithm == ES256, algorithm
    return ec.generate_private_key(ec.SECP256R1())


def to_der(key: PrivateKey) -> bytes:
    """Return the key as bytes (PKCS #8, DER). Seal them before storing them."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def from_der(der: bytes) -> PrivateKey:
    """Return the key from the bytes that `to_der` made."""
    key = load_der_private_key(der, None)
    kinds = (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)
    assert isinstance(key, kinds), "only keys that were made here are stored"
    return key


def sign(key: PrivateKey, signed: bytes) -> bytes:
    """Return a JWS signature (RFC 7518 sections 3.4 and 3.5, RFC 8037 section 3.1)."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(signed)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, PSS, SHA256())
    r, s = decode_dss_signature(key.sign(signed, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(key: PublicKey, signed: bytes, signature: bytes) -> None:
    """Verify a signature that `sign` made.

    InvalidSignature when it does not hold, ValueError when it has another length.
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        if len(signature) != 2 * _POINT_BYTES:
            raise ValueError("an ES256 signature has 64 bytes")
        r = int.from_bytes(signature[:_POINT_BYTES], "big")
        s = int.from_bytes(signature[_POINT_BYTES:], "big")
        key.verify(encode_dss_signature(r, s), signed, _ECDSA)
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, PSS, SHA256())
    else:
        key.verify(signature, signed)


def public_key(jwk: Mapping[str, Any], algorithm: str) -> PublicKey:
    """Return the key in a JWK, to verify with one algorithm. ValueError unless the two fit."""
    kind = (algorithm, jwk.get("kty"), jwk.get("crv"))
    if kind == (ES256, "EC", "P-256"):
        x, y = (int.from_bytes(_point(jwk, name), "big") for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    if kind == (EDDSA, "OKP", "Ed25519"):
        return ed25519.Ed25519PublicKey.from_public_bytes(_point(jwk, "x"))
    if kind == (PS256, "RSA", None):
        n, e = (int.from_bytes(_octets(jwk, name), "big") for name in ("n", "e"))
        return rsa.RSAPublicNumbers(e, n).public_key()
    raise ValueError("the key does not fit the algorithm")


def public_jwk(key: PrivateKey, kid: str, algorithm: str) -> dict[str, Any]:
    """Return the public part of a key as a JWK (RFC 7517 section 4)."""
    return {**_members(key), "kid": kid, "alg": algorithm, "use": "sig"}


def b64url(raw: bytes) -> str:
    """Encode bytes in base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _point(jwk: Mapping[str, Any], name: str) -> bytes:
    octets = _octets(jwk, name)
    if len(octets) != _POINT_BYTES:
        raise ValueError("a coordinate has 32 bytes")
    return octets


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or _BASE64URL.fullmatch(value) is None:
        raise ValueError(f"{name} is not base64url")
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error as error:
        raise ValueError(f"{name} is not base64url") from error


def _members(key: PrivateKey) -> dict[str, str]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
    point = key.public_key().public_numbers()
    x, y = (b64url(each.to_bytes(32, "big")) for each in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _integer(value: int) -> str:
    """A whole number in Base64urlUInt (RFC 7518 section 2)."""
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
