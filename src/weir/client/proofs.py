"""Proofs and secrets of a client: assertions (RFC 7523), request objects, PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt

from weir.client.credentials import Credentials

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME_S: Final = 60
_REQUEST_LIFETIME_S: Final = 300


def client_assertion(credentials: Credentials, issuer: str) -> str:
    """Sign a client assertion for this issuer only, good for one minute and one use.

    The audience is the issuer as one string, never a list (FAPI 2.0 section 5.3.2.1 item 8).
    """
    now = int(time.time())
    claims = {
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        "aud": issuer,
        "iat": now,
        "exp": now + _LIFETIME_S,
        "jti": secrets.token_urlsafe(18),
    }
    key = credentials.signing_key
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


def request_object(credentials: Credentials, issuer: str, parameters: Mapping[str, Any]) -> str:
    """Sign an authorization request as a JWT (RFC 9101), good for five minutes and one use."""
    now = int(time.time())
    claims = {
        **parameters,
        "iss": credentials.client_id,
        "client_id": credentials.client_id,
        "aud": issuer,
        "nbf": now,
        "exp": now + _REQUEST_LIFETIME_S,
        "jti": secrets.token_urlsafe(18),
    }
    key = credentials.signing_key
    header = {"alg": "ES256", "kid": key.kid, "typ": "oauth-authz-req+jwt"}
    return jwt.encode(header, claims, key)


@dataclass(frozen=True, slots=True)
class Pkce:
    """A secret and its S256 challenge (RFC 7636 section 4)."""

    verifier: str
    challenge: str

    @classmethod
    def make(cls) -> Pkce:
        """Make a secret from 32 random bytes."""
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))
