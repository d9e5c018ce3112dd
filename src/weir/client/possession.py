"""DPoP keys (RFC 9449), to which tokens of a client without a certificate are bound."""

from __future__ import annotations

import base64
import json
import secrets
import time
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.jwk import ECKey

from weir.client.exchange import Answer

NONCE: Final = "dpop-nonce"


class DpopKey:
    """An EC P-256 key in memory, its proofs, and the nonces that servers asked for.

    Tokens bound to it are useless without it: keep it as long as they are to be used.
    """

    def __init__(self, key: ECKey | None = None) -> None:
        self._key = key or ECKey.generate_key("P-256")
        self._nonces: dict[str, str] = {}

    @property
    def thumbprint(self) -> str:
        """The key's RFC 7638 thumbprint, which is `cnf.jkt` of its tokens."""
        return str(self._key.thumbprint())

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """Return a proof for one request (RFC 9449 section 4.2), and for the token it carries."""
        claims = {
            "jti": secrets.token_urlsafe(18),
            "htm": method,
            "htu": url.partition("?")[0].partition("#")[0],
            "iat": int(time.time()),
        }
        if access_token is not None:
            digest = sha256(access_token.encode("ascii")).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        nonce = self._nonces.get(_origin(url))
        if nonce is not None:
            claims["nonce"] = nonce
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self._key.as_dict(private=False)}
        return jws.serialize_compact(header, json.dumps(claims).encode(), self._key)

    def keep_nonce(self, url: str, answer: Answer) -> bool:
        """Keep the nonce of an answer (section 8.2); return whether to send the request again.

        That is so when the server refused the request for want of the nonce.
        """
        nonce = answer.headers.get(NONCE)
        if nonce is None:
            return False
        self._nonces[_origin(url)] = nonce
        return answer.status in (400, 401) and b'"use_dpop_nonce"' in answer.content


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
