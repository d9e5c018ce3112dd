"""Signed requests (RFC 9421), checked where a product asks for them.

A registered key of the application covers method, address, token, and the digest of the body. The
body is held whole, up to SIGNED_BODY_BYTES, until its digest is checked: no byte of an unsigned
request reaches a member. Refusals SIGNATURE_MISSING and SIGNATURE_INVALID.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature

from weir.gateway.call import Call
from weir.gateway.declares import SIGNATURE_INVALID, SIGNATURE_MISSING, SIGNED_BODY_BYTES
from weir.gateway.signed_request import SignedRequest
from weir.kernel import message_signatures
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S, SIGNATURE_AGE_S
from weir.kernel.message_signatures import (
    ALGORITHM_OF,
    REQUEST_TAG,
    SignatureError,
    SignatureInput,
    component,
)
from weir.kernel.outcomes import Refusal
from weir.keys import private_keys
from weir.wire.message import Request

INPUT: Final = b"signature-input"
SIGNATURE: Final = b"signature"
DIGEST: Final = b"content-digest"
# Always covered; covered where it is sent, because it decides something; allowed besides.
_ALWAYS: Final = ("@method", "@target-uri", "authorization")
_IF_SENT: Final = ("dpop", "content-digest", "idempotency-key", "x-idempotency-key")
_MAY: Final = ("@authority", "@path", "@query", "content-type", "content-length", "date")
_ALLOWED: Final = frozenset(
    component(name) for name in (*_ALWAYS, *_IF_SENT, *_MAY, "x-fapi-interaction-id")
)


async def check_signature(call: Call) -> None:
    """Verify the request's signature, hold its body, and use its nonce up.

    A signature older than the cache's memory may have been used and forgotten, so it is refused.
    """
    try:
        given, signed = _verified(call)
        waiting = call.collect(SIGNED_BODY_BYTES) if _has_body(call) else None
        if waiting is not None:
            await waiting
        if signed.digest is not None:
            message_signatures.require_digest(signed.digest, call.body or b"")
    except SignatureError as error:
        raise _refused(str(error)) from error
    assert call.application is not None
    nonce = f"{call.application.id}|{given.parameters['nonce']}"
    name = f"message:{sha256(nonce.encode()).hexdigest()}"
    cache = call.parts.cache
    if int(given.parameters["created"]) < await cache.started_at_s():
        raise _refused("the signature is older than this platform's memory: sign again")
    if not await cache.claim_once(name, SIGNATURE_AGE_S + 2 * CLOCK_AHEAD_ACCEPTED_S):
        raise _refused("the nonce was used before")
    call.signed = signed


def _has_body(call: Call) -> bool:
    return call.body is None and call.exchange.request.has_body


def _verified(call: Call) -> tuple[SignatureInput, SignedRequest]:
    """Verify all but the body's digest and the nonce's single use.

    Return the signature's input as given, and the request's signature for the answer's to refer to.
    """
    request = call.exchange.request
    field, signature_field = _field(request, INPUT), _field(request, SIGNATURE)
    if field is None or signature_field is None:
        raise Refusal(SIGNATURE_MISSING)
    given = message_signatures.read_input(field)
    signature = message_signatures.read_signature(signature_field, given.label)
    _check_parameters(given, call.now_s)
    digest = _field(request, DIGEST)
    _check_components(given, request, digest)
    base = message_signatures.signature_base(given, _values(given, request))
    _check_key(call, given, base, signature)
    return given, SignedRequest(given.label, signature, digest)


def _check_parameters(given: SignatureInput, now_s: float) -> None:
    """Check that the signature was made just now, for this use.

    RFC 9421 section 2.3, FAPI 2.0 Message Signing section 5.6.
    """
    created_s, expires_s = given.number("created"), given.number("expires")
    latest_s = now_s + CLOCK_AHEAD_ACCEPTED_S
    if created_s is None or not now_s - SIGNATURE_AGE_S <= created_s <= latest_s:
        raise SignatureError("created is missing, too old or ahead of this platform's clock")
    if expires_s is not None and expires_s <= now_s:
        raise SignatureError("expires is past")
    if given.text("tag") != REQUEST_TAG:
        raise SignatureError(f"tag is not {REQUEST_TAG}")
    if not given.text("nonce") or not given.text("keyid"):
        raise SignatureError("nonce and keyid are required")


def _check_components(given: SignatureInput, request: Request, digest: str | None) -> None:
    covered = set(given.components)
    if not covered <= _ALLOWED:
        raise SignatureError("a component is covered that is not one of this profile")
    wanted = {component(name) for name in _ALWAYS}
    wanted |= {component(name) for name in _IF_SENT if _field(request, name.encode()) is not None}
    if request.has_body and digest is None:
        raise SignatureError("a body needs Content-Digest")
    if not wanted <= covered:
        raise SignatureError(f"must cover {', '.join(sorted(wanted - covered))}")


def _values(given: SignatureInput, request: Request) -> dict[str, str]:
    """Return the covered components' values (RFC 9421 sections 2.1 and 2.2)."""
    values: dict[str, str] = {}
    for identifier in given.components:
        name = identifier.strip('"')
        value = derived(request, name) if name.startswith("@") else _field(request, name.encode())
        if value is None:
            raise SignatureError(f"{name} is covered and not in the request")
        values[identifier] = value
    return values


def derived(request: Request, name: str) -> str:
    """Return a component that no field carries, as the caller addressed the request.

    RFC 9421 section 2.2.
    """
    try:
        authority, target = request.host.decode("ascii").lower(), request.target.decode("ascii")
    except UnicodeDecodeError as error:
        raise SignatureError("the address is not ASCII") from error
    path, _, query = target.partition("?")
    return {
        "@method": request.method,
        "@target-uri": f"https://{authority}{target}",
        "@authority": authority.removesuffix(":443"),
        "@path": path,
        "@query": f"?{query}",
    }[name]


def _field(request: Request, name: bytes) -> str | None:
    lines = [value for each, value in request.fields if each == name]
    try:
        return message_signatures.field_value([v.decode("ascii") for v in lines]) if lines else None
    except UnicodeDecodeError as error:
        raise SignatureError(f"{name.decode()} is not ASCII") from error


def _check_key(call: Call, given: SignatureInput, base: bytes, signature: bytes) -> None:
    """Verify by a key registered for this application, with the algorithm that key is for."""
    assert call.application is not None
    registered = call.application.keys.get(str(given.parameters["keyid"]))
    if registered is None:
        raise SignatureError("keyid names no key registered for the application")
    algorithm, key = _public_key(registered)
    stated = given.text("alg")
    if stated is not None and stated != ALGORITHM_OF[algorithm]:
        raise SignatureError("alg is not the registered key's")
    try:
        private_keys.verify(key, base, signature)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the registered key did not sign this") from error


_BY_KIND: Final[Mapping[str, str]] = {"EC": "ES256", "OKP": "EdDSA", "RSA": "PS256"}


@lru_cache(maxsize=4_096)
def _public_key(jwk: str) -> tuple[str, private_keys.PublicKey]:
    """Return algorithm and key of a registered JWK, read once and then known by its text."""
    members = json.loads(jwk)
    algorithm = _BY_KIND[members["kty"]]
    return algorithm, private_keys.public_key(members, algorithm)


def _refused(reason: str) -> Refusal:
    return Refusal(SIGNATURE_INVALID, reason, why=reason)
