"""Relay of a page's calls, unchanged, to the API and to the authorization server.

The browser made the proof that goes with the call (RFC 9449), for the method and the address it
names; so the relay can neither call another address with it nor the same one twice. Carried from
the portal's own origin, such a call needs no exception in the gateway for scripts of other origins,
and a browser that trusts the portal's certificate needs to trust no other.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from weir.kernel.declares import OVERLOADED, PLATFORM_UNAVAILABLE
from weir.kernel.outcomes import Refusal
from weir.portal.declares import TRIAL_ANSWER_BYTES, TRIAL_CALLS, TRIAL_CALLS_EACH, TRIAL_TIMEOUT_S

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class RelayedAnswer:
    """An answer: the beginning of its body, and in `cut` whether there was more of it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: bool
    duration_ms: int


class Relay:
    """Sender of calls to one origin of the platform, at the port that asks for no certificate."""

    def __init__(self, origin: str, context: ssl.SSLContext) -> None:
        self.origin = origin
        named = httpx.URL(origin)
        self._name = named.host
        self._host = named.netloc.decode("ascii")
        # Names under localhost are this machine (RFC 6761 section 6.3), whatever a resolver says.
        near = self._name == "localhost" or self._name.endswith(".localhost")
        self._base = named.copy_with(host=_LOOPBACK) if near else named
        self._context = context
        self._under_way: Counter[str] = Counter()

    async def call(
        self, person: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> RelayedAnswer:
        """Make one call in a person's name; `target` is path and query as they go on the wire.

        OVERLOADED when too many calls are in progress, PLATFORM_UNAVAILABLE when no gateway
        answers.
        """
        request = httpx.Request(
            method,
            self._base.copy_with(raw_path=target.encode("ascii")),
            content=body,
            headers={**headers, "host": self._host, "accept-encoding": "identity"},
            extensions={"sni_hostname": self._name},
        )
        async with self._place(person):
            try:
                async with asyncio.timeout(TRIAL_TIMEOUT_S):
                    return await self._send(request)
            except (TimeoutError, httpx.HTTPError, OSError) as error:
                raise Refusal(PLATFORM_UNAVAILABLE, f"no answer: {type(error).__name__}") from error

    async def _send(self, request: httpx.Request) -> RelayedAnswer:
        async with httpx.AsyncClient(
            verify=self._context, trust_env=False, timeout=TRIAL_TIMEOUT_S
        ) as client:
            began_s = time.perf_counter()
            answer = await client.send(request, stream=True, follow_redirects=False)
            duration_ms = round((time.perf_counter() - began_s) * 1000)
            try:
                body = b""
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > TRIAL_ANSWER_BYTES:
                        break
            finally:
                await answer.aclose()
        shown = body[:TRIAL_ANSWER_BYTES]
        fields = [(name.lower(), value) for name, value in answer.headers.multi_items()]
        return RelayedAnswer(answer.status_code, fields, shown, len(body) > len(shown), duration_ms)

    @asynccontextmanager
    async def _place(self, person: str) -> AsyncIterator[None]:
        """Hold one of the places for calls in progress. OVERLOADED when all are taken."""
        own, everybodys = self._under_way[person], self._under_way.total()
        if own >= TRIAL_CALLS_EACH or everybodys >= TRIAL_CALLS:
            raise Refusal(OVERLOADED, f"{own} trials of {person}, {everybodys} in all")
        self._under_way[person] += 1
        try:
            yield
        finally:
            self._under_way[person] -= 1
            if not self._under_way[person]:
                del self._under_way[person]
