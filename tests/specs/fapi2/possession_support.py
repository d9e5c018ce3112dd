"""A client that shows its key by DPoP, written apart from the platform's own reader of proofs."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx
from consent_world import REDIRECT_URI, VERIFIER
from fapi_support import Flow, now_s
from joserfc import jws
from joserfc.jwk import ECKey

FORM = {"content-type": "application/x-www-form-urlencoded"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def proof_by(
    key: Any,
    address: str,
    algorithm: str = "ES256",
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A proof for POST to `address`; what is given replaces its own, and None removes one."""
    usual = {
        "jti": secrets.token_urlsafe(16),
        "htm": "POST",
        "htu": address,
        "iat": now_s(),
    } | claims
    kept = {name: value for name, value in usual.items() if value is not None}
    merged = {"typ": "dpop+jwt", "alg": algorithm, "jwk": key.as_dict(private=False)}
    merged |= header or {}
    protected = {name: value for name, value in merged.items() if value is not None}
    payload = json.dumps(kept).encode()
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jws.serialize_compact(protected, payload, key, registry=registry)


@dataclass
class Holder:
    """A key, proofs by it, and the requests of a flow made with it on the public port."""

    flow: Flow
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256"))
    algorithm: str = "ES256"
    nonce: str | None = None

    @property
    def thumbprint(self) -> str:
        return str(self.key.thumbprint())

    def proof(self, path: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A proof for POST to `path`; `claims` replace its own, and None removes one."""
        address = self.flow.world.issuer + path
        return proof_by(
            self.key, address, self.algorithm, header, **({"nonce": self.nonce} | claims)
        )

    async def send(self, path: str, form: dict[str, str], *proofs: str) -> httpx.Response:
        """One request with these DPoP fields. The nonce it answers with is kept for the next."""
        fields = [*self.flow.world.headers(None).items(), *FORM.items()]
        fields += [("dpop", proof) for proof in proofs]
        answer = await self.flow.world.auth.post(path, content=urlencode(form), headers=fields)
        self.nonce = answer.headers.get("dpop-nonce", self.nonce)
        return answer

    async def learn_nonce(self) -> None:
        """Ask without one, as a client's first request does."""
        answer = await self.send("/token", self.credentials_form(), self.proof("/token"))
        assert answer.json()["error"] == "use_dpop_nonce", answer.text
        assert self.nonce is not None

    def credentials_form(self) -> dict[str, str]:
        proof = self.flow.world.proof(self.flow.client)
        return {**proof, "grant_type": "client_credentials", "scope": "river-bank.accounts"}

    def code_form(self, code: str) -> dict[str, str]:
        return {
            **self.flow.world.proof(self.flow.client),
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }

    async def exchange(self, code: str, **claims: Any) -> httpx.Response:
        if self.nonce is None:
            await self.learn_nonce()
        return await self.send("/token", self.code_form(code), self.proof("/token", **claims))

    async def par(self, **changes: str | None) -> httpx.Response:
        """A pushed request with a proof."""
        if self.nonce is None:
            await self.learn_nonce()
        form = self.flow.world.access_request(self.flow.client, **changes)
        return await self.send("/par", form, self.proof("/par"))


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, as its client may read them."""
    segment = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return dict(claims)


def ath(token: str) -> str:
    """The digest of a token that a proof for its use holds (RFC 9449 section 4.2)."""
    return b64(sha256(token.encode()).digest())
