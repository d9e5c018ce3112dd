"""An alliance directory that signs software statements, and a server of client keys over TLS."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from dataclasses import dataclass, field
from typing import Any

import httpx
from consent_world import REDIRECT_URI, World, certificate_request
from fapi_support import now_s
from joserfc import jwt
from joserfc.jwk import ECKey

from weir.keys.vault import PLATFORM
from weir.partners import anchors

ISSUER = "https://directory.example"


@dataclass
class StatementIssuer:
    """A trust anchor with its key; what is given replaces what a statement would say."""

    world: World
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256"))

    async def believed(self) -> StatementIssuer:
        public = {**self.key.as_dict(private=False), "kid": "d1", "use": "sig"}
        async with self.world.services.database.unit(PLATFORM) as unit:
            await anchors.register(unit, issuer=ISSUER, name="Directory", jwks={"keys": [public]})
        return self

    def statement(self, *, header: dict[str, Any] | None = None, **changed: Any) -> str:
        claims = {
            "iss": ISSUER,
            "iat": now_s(),
            "exp": now_s() + 600,
            "jti": secrets.token_urlsafe(16),
            "organisation": "shop",
            "software_id": "till-1",
            "client_name": "Till",
            "redirect_uris": [REDIRECT_URI],
            "weir_roles": ["data"],
        } | changed
        kept = {name: value for name, value in claims.items() if value is not None}
        protected = {"alg": "ES256", "kid": "d1"} | (header or {})
        return jwt.encode(protected, kept, self.key, algorithms=[protected["alg"]])

    async def register(
        self, statement: str | None = None, peer: str = "203.0.113.7", **changed: Any
    ) -> httpx.Response:
        body = {
            "software_statement": statement or self.statement(),
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": key_set(ECKey.generate_key("P-256")),
        } | changed
        kept = {name: value for name, value in body.items() if value is not None}
        return await self.send("POST", "/register", json.dumps(kept), peer=peer)

    async def send(
        self, method: str, path: str, body: str = "", token: str = "", peer: str = "203.0.113.7"
    ) -> httpx.Response:
        headers = self.world.headers(None) | {"weir-peer": peer}
        if body:
            headers["content-type"] = "application/json"
        if token:
            headers["authorization"] = f"Bearer {token}"
        return await self.world.auth.request(method, path, content=body, headers=headers)


def key_set(*keys: Any) -> dict[str, Any]:
    public = [
        {**key.as_dict(private=False), "kid": f"k{n}", "use": "sig"} for n, key in enumerate(keys)
    ]
    return {"keys": public}


@dataclass
class KeyServer:
    """Serves one body; counts who asked."""

    context: ssl.SSLContext
    body: bytes = b""
    head: str = "HTTP/1.1 200 OK\r\ncontent-type: application/jwk-set+json\r\n"
    asked: int = 0
    released: asyncio.Event | None = None  # while it is not set, nobody is answered
    uri: str = ""
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._answer, "localhost", 0, ssl=self.context, family=2
        )
        self.uri = f"https://localhost:{self._server.sockets[0].getsockname()[1]}/jwks"

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            if self.released is not None:
                await self.released.wait()
            length = f"content-length: {len(self.body)}\r\nconnection: close\r\n\r\n"
            writer.write((self.head + length).encode() + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


__all__ = ["ISSUER", "KeyServer", "StatementIssuer", "certificate_request", "key_set"]
