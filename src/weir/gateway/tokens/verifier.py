"""Verification of access tokens: JWTs of RFC 9068, signed by one of the platform's own keys.

Everything a call needs of a token is computed here, once; `known_tokens.py` remembers it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from immutables import Map

from weir.access import consent_types
from weir.consent import recurring_payments
from weir.consent.published import revocation_key
from weir.gateway.config.snapshot import SigningKey, base64url
from weir.gateway.tokens.known_tokens import Grant, KnownToken
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S, TOKEN_EXPIRED, TOKEN_INVALID
from weir.kernel.money import parse_amount
from weir.kernel.outcomes import Refusal
from weir.keys import private_keys

# JWS Compact Serialization (RFC 7515 section 3.1). The shortest signature, of ES256 or Ed25519, has
# 64 bytes, which are 86 characters; the longest, of PS256 under 3,072 bits, 512 characters.
_COMPACT: Final = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86,512})")
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    """A protected header. One with anything else in it (`crit`,
    `jku`, `x5u`, `jwk`) is not ours.
    """

    alg: str
    kid: str
    typ: str


class _Confirmation(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one sender constraint; a second or unknown one would not be checked, so it is
    refused.
    """

    thumbprint: _Text | None = msgspec.field(name="x5t#S256", default=None)
    jkt: _Text | None = None

    def __post_init__(self) -> None:
        if (self.thumbprint is None) == (self.jkt is None):
            raise ValueError("a token is bound to one key")


class _Claims(msgspec.Struct):
    iss: str
    sub: str
    aud: str | list[str]
    client_id: _Text
    org: _Text
    iat: int
    exp: int
    jti: _Text
    cnf: _Confirmation
    scope: str = ""
    nbf: int | None = None
    grant_id: _Text | None = None
    consent: _Text | None = None
    record_name: _Text | None = None
    authorization_details: list[dict[str, Any]] = []


class TokenVerifier:
    """Verifies tokens for one audience. Pure: it takes the keys and the time."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience

    def verify(self, raw: bytes, keys: Map[str, SigningKey], now_s: float) -> KnownToken:
        """Read and verify a token. Refusals TOKEN_INVALID and TOKEN_EXPIRED, in this order."""
        parts = _COMPACT.fullmatch(raw)
        if parts is None:
            raise Refusal(TOKEN_INVALID, "not a compact JWS with a signature of ours")
        try:
            header = msgspec.json.decode(base64url(parts[1].decode()), type=_Header)
            key = _key_of(header, keys)
            private_keys.verify(key.public, raw[: parts.end(2)], base64url(parts[3].decode()))
            claims = msgspec.json.decode(base64url(parts[2].decode()), type=_Claims)
            self._check_claims(claims, key, now_s)
            return _known(claims)
        except (ValueError, KeyError, TypeError, InvalidSignature) as error:
            raise Refusal(TOKEN_INVALID, repr(error)) from error

    def _check_claims(self, claims: _Claims, key: SigningKey, now_s: float) -> None:
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if claims.iss != self._issuer or self._audience not in audiences:
            raise ValueError("issuer or audience is another")
        latest_s = now_s + CLOCK_AHEAD_ACCEPTED_S
        if claims.iat > latest_s or (claims.nbf is not None and claims.nbf > latest_s):
            raise ValueError("issued in the future")
        if claims.iat > key.not_after_s:
            raise ValueError("signed with a key that had ended")
        if claims.exp <= now_s:
            raise Refusal(TOKEN_EXPIRED)


def _key_of(header: _Header, keys: Map[str, SigningKey]) -> SigningKey:
    key = keys[header.kid]
    if header.alg != key.algorithm or header.typ.lower() not in _TYPES:
        raise ValueError("algorithm or type is another")
    return key


def _known(claims: _Claims) -> KnownToken:
    grants = tuple(filter(None, map(_grant, claims.authorization_details)))
    consent = _consent(claims)
    if consent is not None and claims.record_name is None:
        raise ValueError("a consent that records have no name for")
    thumbprint = claims.cnf.thumbprint or ""
    return KnownToken(
        client_id=claims.client_id,
        organisation=claims.org,
        thumbprint=thumbprint,
        proof_key=claims.cnf.jkt,
        expires_at_s=float(claims.exp),
        scopes=frozenset(claims.scope.split()),
        consent_id=consent,
        record_name=claims.record_name,
        consent_key="" if consent is None else revocation_key("consent", consent),
        token_key=revocation_key("token", claims.jti),
        constraint_key=_constraint_key(claims, thumbprint),
        grants=grants,
    )


def _constraint_key(claims: _Claims, thumbprint: str) -> str:
    if thumbprint:
        return revocation_key("certificate", thumbprint)
    return revocation_key("key", f"{claims.client_id}.{claims.cnf.jkt}")


def _consent(claims: _Claims) -> str | None:
    """Return the consent the token stands on.

    A grant bears the name of its first consent; once it was changed, the token names the present
    one.
    """
    return claims.consent or claims.grant_id


def _grant(entry: dict[str, Any]) -> Grant | None:
    """Read an entry of `authorization_details` (RFC 9396 section 2) as a grant.

    None for a type this version does not know. KeyError or ValueError for a malformed entry.
    """
    ends = entry.get("expires_at")
    common = {
        "type": entry["type"],
        "member": entry["member"],
        "expires_at_s": float("inf") if ends is None else datetime.fromisoformat(ends).timestamp(),
    }
    if entry["type"] in consent_types.PERMISSIONS:
        return Grant(
            **common,
            permissions=frozenset(entry["permissions"]),
            accounts=tuple(entry["accounts"]),
        )
    if entry["type"] == consent_types.PAYMENT_INITIATION:
        return Grant(
            **common,
            accounts=(entry["debtor_account"],),
            amount=parse_amount(entry["amount"]["amount"], entry["amount"]["currency"]),
            payee_account=entry["payee"]["account"],
        )
    if entry["type"] == consent_types.RECURRING_PAYMENT:
        return Grant(
            **common, accounts=(entry["debtor_account"],), mandate=recurring_payments.read(entry)
        )
    return None
