"""Sessions of calls to products: fresh tokens, refusals as types, repeats only where safe."""

from __future__ import annotations

import asyncio
import json as json_text
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from weir.client.authorization import AuthorizationServer
from weir.client.call_log import CallLog, now_ns
from weir.client.errors import InstitutionError, RefusedError, UnreachableError, refusal_in
from weir.client.exchange import INTERACTION, Answer, Exchange
from weir.client.messages import MessageSigner
from weir.client.platform import Platform
from weir.client.possession import DpopKey
from weir.client.tokens import Token, TokenKeeper
from weir.kernel.outcomes import Retry

# How APIs of banks name the key (UK Open Banking, Berlin Group), and how the management API does
# (draft-ietf-httpapi-idempotency-key-header).
PRODUCT_KEY: Final = "x-idempotency-key"
MANAGEMENT_KEY: Final = "idempotency-key"
MANAGE: Final = "manage"  # the scope of the management API, which has an origin of its own
# RFC 9110 section 9.2.2: repeating these means no more than sending them once.
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number and time of a session's tries. `tries` counts the first one.

    A call is repeated only when its method allows it or it has an idempotency key, and only when
    the platform said `retry: later` or no answer came. A wait longer than `wait_s` is not made: the
    refusal is raised and says how long it would have been.
    """

    tries: int = 3
    wait_s: float = 5.0
    first_wait_s: float = 0.2


NO_RETRIES: Final = RetryPolicy(tries=1)


class Session:
    """An application's calls under one token (its own, or one customer's consent).

    With a `signer`, every call is signed and every answer must be (RFC 9421): for products that ask
    for it, one session; for others, another. `call` returns a successful Answer or raises
    RefusedError (the platform said no), InstitutionError (the institution did), UnreachableError,
    or ProtocolError (an answer without the signature it must have).
    """

    def __init__(
        self,
        origin: str,
        exchange: Exchange,
        keeper: TokenKeeper,
        retries: RetryPolicy | None = None,
        key_header: str = PRODUCT_KEY,
        dpop: DpopKey | None = None,
        signer: MessageSigner | None = None,
    ) -> None:
        self.log: CallLog | None = None  # set it to keep a log of every answered call
        self._dpop = dpop
        self._signer = signer
        self._origin = origin
        self._key_header = key_header
        self._exchange = exchange
        self._keeper = keeper
        self._retries = retries or RetryPolicy()

    @classmethod
    def of_application(
        cls,
        platform: Platform,
        exchange: Exchange,
        server: AuthorizationServer,
        scope: str,
        retries: RetryPolicy | None = None,
        signer: MessageSigner | None = None,
    ) -> Session:
        """Open a session for the application itself (client credentials)."""

        async def renew(_: Token | None) -> Token:
            return await server.client_credentials(scope)

        if scope == MANAGE:
            origin, key_header = platform.manage_origin, MANAGEMENT_KEY
        else:
            origin, key_header = _products(platform, server), PRODUCT_KEY
        keeper = TokenKeeper(renew)
        return cls(origin, exchange, keeper, retries, key_header, server.dpop, signer)

    @classmethod
    def of_consent(
        cls,
        platform: Platform,
        exchange: Exchange,
        server: AuthorizationServer,
        token: Token,
        retries: RetryPolicy | None = None,
        signer: MessageSigner | None = None,
    ) -> Session:
        """Open a session on a customer's consent, with the token its code was exchanged for."""

        async def renew(old: Token | None) -> Token:
            refresh_token = (old or token).refresh_token
            if refresh_token is None:
                raise UnreachableError("the token has ended and cannot be refreshed")
            return await server.refresh(refresh_token)

        keeper, origin = TokenKeeper(renew, token), _products(platform, server)
        return cls(origin, exchange, keeper, retries, dpop=server.dpop, signer=signer)

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, str | Sequence[str]] | None = None,
        headers: dict[str, str] | None = None,
        idempotency_key: str | None = None,
        interaction_id: str | None = None,
    ) -> Answer:
        """Call `path`, as the shelf shows it: `/river-bank/accounts/v1/accounts`.

        The body is `json`, or `content` as it is with a content-type among `headers`.
        `idempotency_key` goes under the header the API names it by, and makes repeating safe.
        `interaction_id` (a UUID, made here when left out) names the call in everyone's records.
        Each repeat is a call of its own with a name of its own.
        """
        repeatable = method in _REPEATABLE or idempotency_key is not None
        sent = dict(headers or {})
        if json is not None:
            content = json_text.dumps(json, ensure_ascii=False).encode()
            sent["content-type"] = "application/json"
        if idempotency_key is not None:
            sent[self._key_header] = idempotency_key
        tried = 0
        while True:
            tried += 1
            sent[INTERACTION] = interaction_id or str(uuid.uuid4())
            interaction_id = None
            try:
                return await self._once(method, path, content, params, sent)
            except (RefusedError, UnreachableError) as error:
                wait_s = self._wait_s(error, tried)
                if not repeatable or wait_s is None:
                    raise
                await asyncio.sleep(wait_s)

    async def pay(self, path: str, order: Any, *, idempotency_key: str | None = None) -> Answer:
        """Send a payment order with an idempotency key, made here when left out.

        Whatever is lost on the way, the order is executed at most once under one key.
        """
        return await self.call(
            "POST", path, json=order, idempotency_key=idempotency_key or str(uuid.uuid4())
        )

    async def _once(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: Mapping[str, str | Sequence[str]] | None,
        headers: dict[str, str],
    ) -> Answer:
        token = await self._keeper.token()
        try:
            return await self._send(method, path, content, params, headers, token)
        except RefusedError as error:
            if error.code != "token_expired":
                raise
        # The platform's clock is ahead of ours. The call was refused before anyone saw it.
        headers[INTERACTION] = str(uuid.uuid4())
        token = await self._keeper.replace(token)
        return await self._send(method, path, content, params, headers, token)

    async def _send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: Mapping[str, str | Sequence[str]] | None,
        headers: dict[str, str],
        token: Token,
    ) -> Answer:
        url = self._origin + path
        headers = headers | {"authorization": f"{token.scheme} {token.access_token}"}
        if token.scheme == "DPoP" and self._dpop is not None:
            headers["dpop"] = self._dpop.proof(method, url, token.access_token)
        sent_ns = now_ns()
        if self._signer is None:
            answer = await self._exchange.send(
                method, url, content=content, params=params, headers=headers
            )
        else:
            address = str(httpx.URL(url).copy_merge_params(params or {}))
            answer = await self._send_signed(self._signer, method, address, content, headers)
        if self.log is not None:
            self.log.add(method, path, sent_ns, answer)
        if answer.status < 400:
            return answer
        raise refused(answer)

    async def _send_signed(
        self,
        signer: MessageSigner,
        method: str,
        address: str,
        content: bytes | None,
        headers: dict[str, str],
    ) -> Answer:
        lower = {name.lower(): value for name, value in headers.items()}
        sent = signer.sign(method, address, lower, content)
        answer = await self._exchange.send(method, address, content=content, headers=sent.headers)
        await signer.check(sent, answer)
        return answer

    def _wait_s(self, error: RefusedError | UnreachableError, tried: int) -> float | None:
        """Return the seconds to wait before the next try, or None for no further try."""
        if tried >= self._retries.tries:
            return None
        wait_s = self._retries.first_wait_s * 2 ** (tried - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads repeats
        if isinstance(error, RefusedError):
            if error.retry is not Retry.LATER:
                return None
            wait_s = max(wait_s, error.retry_after_s or 0)
        return wait_s if wait_s <= self._retries.wait_s else None


def _products(platform: Platform, server: AuthorizationServer) -> str:
    """Return the products' origin: with the certificate, or under DPoP without one."""
    return platform.api_origin if server.dpop is None else platform.public_api_origin


def refused(answer: Answer) -> RefusedError | InstitutionError:
    """Return the error of an answer of 400 or more."""
    refusal = refusal_in(answer.status, answer.content, answer.headers.get("retry-after"))
    if refusal is not None:
        refusal.interaction_id = refusal.interaction_id or answer.interaction_id
        return refusal
    try:
        body = json_text.loads(answer.content)
    except ValueError:
        body = None
    return InstitutionError(answer.status, body, answer.interaction_id)
