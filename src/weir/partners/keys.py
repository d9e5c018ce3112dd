"""Checks of an application's public keys (RFC 7517): public members only, and strong enough.

FAPI 2.0 Security Profile section 5.4: ES256, PS256 and Ed25519; RSA of at least 2,048 bits. A set
with a private member is refused as a whole, since its sender has just given the key away.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from weir.kernel import inputs
from weir.keys.declares import RSA_BITS_MAX, RSA_BITS_MIN
from weir.keys.dpop import thumbprint_of
from weir.partners.declares import APPLICATION_KEYS

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# Members that point to keys elsewhere; a registered set must hold its keys (RFC 8725 3.10).
_FETCHED_MEMBERS: Final = frozenset({"x5u", "jku"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_KID: Final = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")

# For each kind of key: the members that define it, and the algorithms it may sign with.
_KINDS: Final[dict[tuple[str, str | None], tuple[tuple[str, ...], frozenset[str]]]] = {
    ("EC", "P-256"): (("x", "y"), frozenset({"ES256"})),
    ("OKP", "Ed25519"): (("x",), frozenset({"EdDSA", "Ed25519"})),
    ("RSA", None): (("n", "e"), frozenset({"PS256"})),
}


def public_jwks(value: Any, pointer: str) -> dict[str, Any]:
    """Return a JWK set with only the known members of each signing key.

    Keys of other uses and kinds are left out (RFC 7517 section 5), but a set of such keys alone is
    refused. A key without `kid` is given its thumbprint (RFC 7638). Refusal
    INVALID_INPUT points to the wrong key.
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or len(keys) > APPLICATION_KEYS:
        raise inputs.wrong(
            f"{pointer}/keys",
            f"must be a list of at most {APPLICATION_KEYS} keys",
            f"须为不超过 {APPLICATION_KEYS} 把公钥的列表",
        )
    read = [_public_key(key, f"{pointer}/keys/{n}") for n, key in enumerate(keys)]
    public = [key for key in read if key is not None]
    if read and not public:
        raise inputs.wrong(
            f"{pointer}/keys/0",
            "must be a signing key: EC on P-256, OKP Ed25519, or RSA",
            "须为签名密钥：EC P-256、OKP Ed25519 或 RSA",
        )
    kids = [key["kid"] for key in public]
    if len(set(kids)) != len(kids):
        raise inputs.wrong(
            f"{pointer}/keys", "no two keys may share a kid", "各公钥的 kid 不得重复"
        )
    return {"keys": public}


def _public_key(key: Any, pointer: str) -> dict[str, str] | None:
    """Return the known members of a signing key; None for a key of another use or kind."""
    if not isinstance(key, dict):
        raise inputs.wrong(pointer, "must be a JSON object", "须为 JSON 对象")
    if _PRIVATE_MEMBERS & key.keys():
        raise inputs.wrong(
            pointer,
            "holds a private key; replace the key and send only its public part",
            "包含私钥；请更换密钥，并且只提交公钥部分",
        )
    if _FETCHED_MEMBERS & key.keys():
        raise inputs.wrong(pointer, "must not point to another address", "不得引用其他地址")
    kind = _kind(key)
    if kind is None:
        return None
    members, algorithms = _KINDS[kind]
    numbers = {name: _octets(key.get(name), f"{pointer}/{name}") for name in members}
    _import(kind[0], numbers, pointer)
    public = {"kty": kind[0], "use": "sig", **{name: key[name] for name in members}}
    if kind[1]:
        public["crv"] = kind[1]
    public["kid"] = _kid(key, pointer) if "kid" in key else thumbprint_of(public)
    return public | _algorithm(key, algorithms, pointer)


def _kid(key: dict[str, Any], pointer: str) -> str:
    kid = key.get("kid")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise inputs.wrong(
            f"{pointer}/kid",
            "must be 1 to 128 characters that need no escaping",
            "须为 1 至 128 个无需转义的字符",
        )
    return kid


def _kind(key: dict[str, Any]) -> tuple[str, str | None] | None:
    """Return the kind of a key that may sign; None for any other."""
    kty, crv = str(key.get("kty")), key.get("crv")
    kind = (kty, None if kty == "RSA" or crv is None else str(crv))
    signs = key.get("use", "sig") == "sig"
    return kind if signs and kind in _KINDS else None


def _algorithm(key: dict[str, Any], algorithms: frozenset[str], pointer: str) -> dict[str, str]:
    if "alg" not in key:
        return {}
    return {"alg": inputs.choice(str(key["alg"]), algorithms, f"{pointer}/alg")}


def _octets(value: Any, pointer: str) -> bytes:
    """The bytes of base64url without padding (RFC 7515 section 2), in canonical form only."""
    if isinstance(value, str) and len(value) <= 2048 and _BASE64URL.fullmatch(value):
        try:
            octets = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        except binascii.Error:
            octets = b""
        if octets and base64.urlsafe_b64encode(octets).rstrip(b"=").decode() == value:
            return octets
    raise inputs.wrong(pointer, "must be base64url without padding", "须为不带填充的 base64url")


def _import(kty: str, numbers: dict[str, bytes], pointer: str) -> None:
    """Let the cryptography library check the key: point on the curve, length, usable modulus."""
    try:
        if kty == "EC":
            x, y = numbers["x"], numbers["y"]
            if len(x) != 32 or len(y) != 32:  # RFC 7518 section 6.2.1.2
                raise ValueError("coordinates of another length")
            ec.EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
            ).public_key()
        elif kty == "OKP":
            ed25519.Ed25519PublicKey.from_public_bytes(numbers["x"])
        else:
            _import_rsa(int.from_bytes(numbers["n"], "big"), int.from_bytes(numbers["e"], "big"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise inputs.wrong(
            pointer,
            "is not a valid key, or is too weak (RSA needs at least 2,048 bits)",
            "不是有效的公钥，或强度不足（RSA 至少 2048 位）",
        ) from error


def _import_rsa(modulus: int, exponent: int) -> None:
    if not RSA_BITS_MIN <= modulus.bit_length() <= RSA_BITS_MAX:
        raise ValueError("modulus too short or too long")
    if not 65_537 <= exponent < 1 << 32 or exponent % 2 == 0 or modulus % 2 == 0:
        raise ValueError("an exponent or modulus nobody should use")
    rsa.RSAPublicNumbers(exponent, modulus).public_key()
