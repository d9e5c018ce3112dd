"""A FAPI 2.0 client of the authorization server."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from weir.client.credentials import Credentials
from weir.client.errors import OAuthError, ProtocolError, oauth_error_in, refusal_in
from weir.client.exchange import Answer, Exchange
from weir.client.platform import Platform
from weir.client.possession import DpopKey
from weir.client.proofs import ASSERTION_TYPE, Pkce, client_assertion, request_object
from weir.client.published_keys import PublishedKeys
from weir.client.tokens import Token
from weir.kernel.path_segments import segment

METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
_ENDPOINTS: Final = ("token_endpoint", "pushed_authorization_request_endpoint")
GrantManagementAction = Literal["create", "merge", "replace"]


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """A pushed authorization request (RFC 9126), with the secrets that belong to it.

    Send the customer's browser to `authorization_url`; keep the object until the browser comes back
    to `redirect_uri`.
    """

    authorization_url: str
    redirect_uri: str
    state: str
    verifier: str
    lifetime_s: int
    signed_answer: bool = False


class AuthorizationServer:
    """The authorization server as one application calls it.

    Every endpoint that authenticates a client is called under its mutual-TLS address (RFC 8705
    section 5), since tokens are bound to the client's certificate. With a DpopKey they are bound to
    that instead, and a `private_key_jwt` client needs no certificate and asks on the public port.
    Errors: OAuthError when the server refuses, UnreachableError, ProtocolError.
    """

    def __init__(
        self,
        metadata: dict[str, Any],
        credentials: Credentials,
        exchange: Exchange,
        dpop: DpopKey | None = None,
    ) -> None:
        self.dpop = dpop
        self.metadata = metadata
        self.issuer: str = metadata["issuer"]
        self._credentials = credentials
        self._exchange = exchange
        self.keys = PublishedKeys(exchange, metadata.get("jwks_uri", ""))

    @classmethod
    async def discover(
        cls,
        platform: Platform,
        credentials: Credentials,
        exchange: Exchange,
        dpop: DpopKey | None = None,
    ) -> AuthorizationServer:
        """Read the server's metadata (RFC 8414); ProtocolError when it is of another issuer."""
        answer = await exchange.send("GET", platform.issuer + METADATA_PATH)
        metadata = _accepted(answer)
        if metadata.get("issuer") != platform.issuer:
            raise ProtocolError("the metadata is of another issuer")
        addresses = [metadata.get(name) for name in (*_ENDPOINTS, "authorization_endpoint")]
        if not all(isinstance(a, str) and a.startswith("https://") for a in addresses):
            raise ProtocolError("the metadata lacks an https endpoint")
        return cls(metadata, credentials, exchange, dpop)

    async def client_credentials(self, scope: str) -> Token:
        """Get a token for the application itself (RFC 6749 section 4.4).

        `scope` is space separated.
        """
        return await self.token({"grant_type": "client_credentials", "scope": scope})

    async def push_authorization_request(
        self,
        *,
        scope: str,
        redirect_uri: str,
        authorization_details: list[dict[str, Any]] | None = None,
        more: Mapping[str, Any] | None = None,
        signed: bool = False,
        signed_answer: bool = False,
        grant_management_action: GrantManagementAction | None = None,
        grant_id: str | None = None,
    ) -> PushedRequest:
        """Push an authorization request (RFC 9126), with PKCE S256 and details (RFC 9396).

        `signed` sends it as a signed object (JAR, RFC 9101), by the key of `credentials`, and with
        `signed_answer` the browser brings a signed one back (JARM). `more` are further parameters,
        such as `nonce`, `claims` or `max_age` of OpenID Connect. `merge` and `replace` ask the
        customer to change the grant `grant_id` (Grant Management for OAuth 2.0 section 5.2).
        """
        pkce, state = Pkce.make(), secrets.token_urlsafe(24)
        request: dict[str, Any] = {
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state,
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
            "authorization_details": authorization_details,
            "response_mode": "jwt" if signed_answer else None,
            "grant_management_action": grant_management_action,
            "grant_id": grant_id,
        } | dict(more or {})
        said = {name: value for name, value in request.items() if value is not None}
        form = self.signed(said) if signed else _form(said)
        body = await self.post("pushed_authorization_request_endpoint", form)
        request_uri, lifetime = body.get("request_uri"), body.get("expires_in")
        if not isinstance(request_uri, str) or not isinstance(lifetime, int):
            raise ProtocolError("the pushed request's answer is not in its form")
        query = urlencode({"client_id": self._credentials.client_id, "request_uri": request_uri})
        address = f"{self.metadata['authorization_endpoint']}?{query}"
        return PushedRequest(address, redirect_uri, state, pkce.verifier, lifetime, signed_answer)

    async def exchange_code(self, pushed: PushedRequest, callback_url: str) -> Token:
        """Exchange the code with which the browser came back to `callback_url` for a token.

        ProtocolError when the answer is not to this request (`state`) or not of this server (`iss`,
        RFC 9207); OAuthError `access_denied` when the customer said no.
        """
        values = await self._callback(pushed, callback_url)
        form = {
            "grant_type": "authorization_code",
            "code": values["code"],
            "redirect_uri": pushed.redirect_uri,
            "code_verifier": pushed.verifier,
        }
        return await self.token(form)

    async def refresh(self, refresh_token: str) -> Token:
        """Get a new access token on the same consent; the refresh token stays (FAPI 2.0)."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        answer = await self.post("token_endpoint", form)
        return Token.read({"refresh_token": refresh_token} | answer)

    async def revoke(self, token: str) -> None:
        """Revoke a token (RFC 7009); with a refresh token, the tokens issued from it end too."""
        await self.post("revocation_endpoint", {"token": token}, empty=True)

    async def token(self, form: dict[str, str]) -> Token:
        """Get a token for a grant of any type from the token endpoint."""
        return Token.read(await self.post("token_endpoint", form))

    def signed(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Return a request as a form with one signed object (JAR, RFC 9101)."""
        return {"request": request_object(self._credentials, self.issuer, request)}

    async def post(
        self, endpoint: str, form: dict[str, str], *, empty: bool = False
    ) -> dict[str, Any]:
        """Send a form as this client to the endpoint of this name in the metadata.

        Returns the answer's JSON object; with `empty`, a 200 gives an empty one.
        """
        address = self._address(endpoint)
        answer = await self._send(address, form)
        if self.dpop is not None and self.dpop.keep_nonce(address, answer):
            answer = await self._send(address, form)
        return {} if empty and answer.status == 200 else _accepted(answer)

    async def ask(self, method: str, endpoint: str, under: str, token: Token) -> Answer:
        """Send a request about one thing `under` an endpoint, with an access token. OAuthError."""
        address = f"{self._address(endpoint)}/{segment(under)}"
        answer = await self._ask(method, address, token)
        if self.dpop is not None and self.dpop.keep_nonce(address, answer):
            answer = await self._ask(method, address, token)
        if answer.status != 204:
            _accepted(answer)
        return answer

    async def _ask(self, method: str, address: str, token: Token) -> Answer:
        headers = {"authorization": f"{token.scheme} {token.access_token}"}
        if self.dpop is not None:
            headers["dpop"] = self.dpop.proof(method, address, token.access_token)
        return await self._exchange.send(method, address, headers=headers)

    async def _send(self, address: str, form: dict[str, str]) -> Answer:
        headers = None if self.dpop is None else {"dpop": self.dpop.proof("POST", address)}
        form = form | self._authentication()
        return await self._exchange.send("POST", address, form=form, headers=headers)

    def _authentication(self) -> dict[str, str]:
        """Return the form fields that authenticate the client.

        That is its client_id, and for private_key_jwt a client assertion (RFC 7523); TLS proves the
        other method.
        """
        named = {"client_id": self._credentials.client_id}
        if self._credentials.auth_method == "tls_client_auth":
            return named
        return named | {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client_assertion(self._credentials, self.issuer),
        }

    def _address(self, endpoint: str) -> str:
        aliases = self.metadata.get("mtls_endpoint_aliases", {})
        if self.dpop is not None and self._credentials.auth_method == "private_key_jwt":
            aliases = {}
        address = aliases.get(endpoint) or self.metadata.get(endpoint)
        if not isinstance(address, str) or not address.startswith("https://"):
            raise ProtocolError(f"the metadata names no {endpoint}")
        return address

    async def _callback(self, pushed: PushedRequest, callback_url: str) -> dict[str, str]:
        """Return the redirect's parameters by name, after the checks no client may leave out."""
        address, expected = urlsplit(callback_url), urlsplit(pushed.redirect_uri)
        if address[:3] != expected[:3]:
            raise ProtocolError("the browser came back to another address")
        lists = parse_qs(address.query, keep_blank_values=True)
        if any(len(values) != 1 for values in lists.values()):
            raise ProtocolError("a parameter of the redirect is repeated")
        values = {name: each[0] for name, each in lists.items()}
        if pushed.signed_answer:
            values = await self._signed_answer(values)
        if not secrets.compare_digest(values.get("state", "").encode(), pushed.state.encode()):
            raise ProtocolError("the redirect does not belong to this request")
        if values.get("iss") != self.issuer:
            raise ProtocolError("the redirect is of another issuer")
        if "error" in values:
            raise OAuthError(values["error"], 403, values.get("error_description", ""))
        if "code" not in values:
            raise ProtocolError("the redirect has no code")
        return values

    async def _signed_answer(self, values: dict[str, str]) -> dict[str, str]:
        """Return the parameters of a signed answer (JARM section 2.4), and none from beside it."""
        claims = await self.keys.claims_of(values.get("response", ""))
        if claims.get("aud") != self._credentials.client_id:
            raise ProtocolError("the signed answer is for another client")
        ends_at_s = claims.get("exp")
        if not isinstance(ends_at_s, int) or ends_at_s <= time.time():
            raise ProtocolError("the signed answer has expired")
        return {name: value for name, value in claims.items() if isinstance(value, str)}


def _form(request: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as form fields; values that are not text are written as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in request.items()
    }


def _accepted(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of a successful answer, or raise its refusal."""
    if answer.status in (200, 201):
        return answer.object()
    refused = oauth_error_in(answer.status, answer.content) or refusal_in(
        answer.status, answer.content, answer.headers.get("retry-after")
    )
    raise refused or ProtocolError(f"the authorization server answered {answer.status}")
