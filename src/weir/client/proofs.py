"""What a client proves and what it keeps secret: assertions (RFC 7523) and PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Final

from joserfc import jwt

from weir.client.credentials import Credentials

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME_S: Final = 60


def client_assertion(credentials: Credentials, issuer: str) -> str:
    """A signed statement of who calls, for this issuer only, good for one minute and one use.

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


@dataclass(frozen=True, slots=True)
class Pkce:
    """A secret and its S256 challenge (RFC 7636 section 4)."""

    verifier: str
    challenge: str

    @classmethod
    def make(cls) -> Pkce:
        """From 32 random bytes."""
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))
