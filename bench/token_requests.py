"""Token requests as raw HTTP, made before they are sent: `private_key_jwt`, DPoP, ES256 throughout.

Every request has an assertion and a proof of its own, since servers take none of them twice.
"""

from __future__ import annotations

import base64
import secrets
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from weir.authorization.clients.assertions import ASSERTION_TYPE
from weir.kernel.strict_json import canonical
from weir.keys.dpop import thumbprint_of
from weir.keys.vault import b64url

VERIFIER: Final = "v" * 43
CHALLENGE: Final = b64url(sha256(VERIFIER.encode()).digest())
REDIRECT_URI: Final = "https://bench.example/back"
_LIFETIME_S = 60


@dataclass(frozen=True, slots=True)
class Key:
    """An ES256 key pair."""

    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517)."""
        numbers = self.private.public_key().public_numbers()
        x, y = (b64url(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    @classmethod
    def of_jwk(cls, jwk: dict[str, str]) -> Key:
        """The key in a private JWK."""
        x, y, secret = (
            int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big") for name in "xyd"
        )
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1())
        return cls(ec.EllipticCurvePrivateNumbers(secret, public).private_key())

    @property
    def private_jwk(self) -> dict[str, str]:
        """The whole key."""
        secret = self.private.private_numbers().private_value
        return {**self.jwk, "d": b64url(secret.to_bytes(32, "big"))}

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A compact JWS."""
        signed = f"{b64url(canonical(header))}.{b64url(canonical(claims))}"
        r, s = decode_dss_signature(self.private.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@dataclass(slots=True)
class Asker:
    """A client of one authorization server, under one DPoP key."""

    issuer: str
    client_id: str
    scope: str
    key: Key
    proof_key: Key = field(default_factory=Key)
    nonce: str | None = None

    @property
    def url(self) -> str:
        """The token endpoint."""
        return f"{self.issuer}/token"

    @property
    def dpop_jkt(self) -> str:
        """The DPoP key's thumbprint."""
        return thumbprint_of(self.proof_key.jwk)

    def credentials(self) -> bytes:
        """A request for a token of the application's own."""
        return self._request({"grant_type": "client_credentials", "scope": self.scope})

    def exchange(self, code: str) -> bytes:
        """A request that exchanges a code."""
        form = {"grant_type": "authorization_code", "code": code}
        return self._request({**form, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER})

    def refresh(self, refresh_token: str) -> bytes:
        """A request for another access token of a grant."""
        return self._request({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def renew_nonce(self, root: Path) -> None:
        """Have the server say its nonce, as its answer to a proof without one."""
        self.nonce = None
        answer = _asked(self.issuer, root, self.credentials())
        fields = (line.partition(b": ") for line in answer.split(b"\r\n"))
        found = [value for name, _, value in fields if name.lower() == b"dpop-nonce"]
        assert found, f"no nonce: {answer!r}"
        self.nonce = found[0].decode()

    def proof_of_client(self) -> dict[str, str]:
        """The parameters by which the client proves itself, once."""
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self._assertion()}

    def _request(self, form: dict[str, str]) -> bytes:
        body = urlencode({**form, **self.proof_of_client()})
        lines = [
            "POST /token HTTP/1.1",
            f"host: {urlsplit(self.issuer).netloc}",
            "content-type: application/x-www-form-urlencoded",
            f"content-length: {len(body)}",
            f"dpop: {self._proof()}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _assertion(self) -> str:
        now_s = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": now_s,
            "exp": now_s + _LIFETIME_S,
            "jti": secrets.token_urlsafe(16),
        }
        return self.key.sign({"alg": "ES256", "kid": "bench"}, claims)

    def _proof(self) -> str:
        claims: dict[str, Any] = {
            "htm": "POST",
            "htu": self.url,
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(16),
        }
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.proof_key.jwk}
        return self.proof_key.sign(header, claims)


def write_requests(path: Path, requests: Iterable[bytes]) -> int:
    """Write requests in the form that the load generator reads; return their number."""
    written = list(requests)
    path.write_bytes(b"\0".join(written))
    return len(written)


def _asked(issuer: str, root: Path, request: bytes) -> bytes:
    """The beginning of the answer to one request on a connection of its own."""
    url = urlsplit(issuer)
    context = ssl.create_default_context(cafile=str(root))
    with (
        socket.create_connection(("127.0.0.1", url.port or 443)) as plain,
        context.wrap_socket(plain, server_hostname=url.hostname) as connection,
    ):
        connection.sendall(request)
        return connection.recv(16_384)
