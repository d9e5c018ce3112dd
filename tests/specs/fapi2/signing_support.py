"""Signed request objects, written apart from the platform's own reader of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from consent_world import ASSERTION_TYPE, Client
from fapi_support import Flow, now_s
from joserfc import jws
from joserfc.jwk import RSAKey

from weir.keys.vault import PLATFORM
from weir.partners import applications, keys

_PROOF = ("client_assertion", "client_assertion_type")


@dataclass
class Signer:
    """The client's own key for request objects; what is given replaces what it would say."""

    flow: Flow
    client: Client | None = None
    key: Any = field(init=False)
    algorithm: str = "ES256"

    def __post_init__(self) -> None:
        self.key = self.holder.key

    @property
    def holder(self) -> Client:
        """The flow's client, unless it is another."""
        return self.client or self.flow.client

    def claims(self, **changed: Any) -> dict[str, Any]:
        """A whole request as claims; None removes one."""
        client = self.holder
        form = self.flow.world.access_request(client)
        inside: dict[str, Any] = {name: form[name] for name in form if name not in _PROOF}
        inside["authorization_details"] = json.loads(inside["authorization_details"])
        inside |= {
            "iss": client.id,
            "client_id": client.id,
            "aud": self.flow.world.issuer,
            "nbf": now_s(),
            "exp": now_s() + 300,
        }
        return {name: value for name, value in (inside | changed).items() if value is not None}

    def signed(self, claims: dict[str, Any], key: Any = None, **header: str) -> str:
        """The request object."""
        protected = {"alg": self.algorithm, "kid": "one", "typ": "oauth-authz-req+jwt"} | header
        payload = json.dumps(claims).encode()
        algorithms = [protected["alg"]]
        return jws.serialize_compact(protected, payload, key or self.key, algorithms=algorithms)

    async def send(self, request: str, **beside: str) -> httpx.Response:
        """The pushed request that brings it, with nothing or something beside it."""
        form = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.holder.assertion(self.flow.world.issuer),
            "request": request,
        }
        return await self.flow.world.post("/par", form | beside)

    async def par(self, **changed: Any) -> httpx.Response:
        """A request object with these claims, pushed."""
        return await self.send(self.signed(self.claims(**changed)))

    async def use_rsa(self) -> RSAKey:
        """Register one more key, of a kind that two algorithms could be used with."""
        key = RSAKey.generate_key(2048)
        registered = [
            *self.flow.client.application.jwks["keys"],
            {**key.as_dict(private=False), "kid": "rsa", "use": "sig"},
        ]
        async with self.flow.world.services.database.unit(PLATFORM) as unit:
            jwks = keys.public_jwks({"keys": registered}, "/jwks")
            await applications.rotate_keys(unit, self.flow.client.id, jwks)
        return key
