"""Keys that clients publish at their `jwks_uri`, remembered for a while (RFC 7591 section 2).

The memory is bounded in number and age. An unknown `kid` makes a set be fetched again, but not more
often than every JWKS_REFRESH_S, so that a client that invents key ids cannot make this server call
out at will; a set is fetched by one request at a time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import structlog

from weir.authorization.clients.key_set_fetch import FetchError
from weir.authorization.declares import (
    JWKS_FETCHED_S,
    JWKS_REFRESH_S,
    JWKS_SETS,
    JWKS_STALE_S,
    OAUTH_INVALID_CLIENT,
)
from weir.kernel.outcomes import Refusal

_log = structlog.get_logger("weir.authorization")


@dataclass(slots=True)
class _Kept:
    jwks: dict[str, Any] | None = None
    fetched_at_s: float = float("-inf")
    tried_at_s: float = float("-inf")
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def serves(self, kids: Collection[str], now_s: float) -> bool:
        """Whether the kept set is young enough and has every named key."""
        if self.jwks is None or now_s - self.fetched_at_s >= JWKS_FETCHED_S:
            return False
        return set(kids) <= {key["kid"] for key in self.jwks["keys"]}


class RemoteKeys:
    """The key sets of one process. `now_s` is a clock that never goes back."""

    def __init__(
        self, fetch: Callable[[str], Awaitable[dict[str, Any]]], now_s: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._now_s = now_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def of(self, uri: str, kids: Collection[str]) -> dict[str, Any]:
        """Return the JWK set at an address. OAUTH_INVALID_CLIENT when there is none to be had."""
        kept = self._recall(uri)
        if not kept.serves(kids, self._now_s()):
            async with kept.turn:
                await self._renew(uri, kept, kids)
        if kept.jwks is None:
            reason = "the keys at jwks_uri cannot be fetched"
            raise Refusal(OAUTH_INVALID_CLIENT, reason, why=reason)
        return kept.jwks

    def _recall(self, uri: str) -> _Kept:
        kept = self._kept.setdefault(uri, _Kept())
        self._kept.move_to_end(uri)
        if len(self._kept) > JWKS_SETS:
            self._kept.popitem(last=False)
        return kept

    async def _renew(self, uri: str, kept: _Kept, kids: Collection[str]) -> None:
        now_s = self._now_s()
        if kept.serves(kids, now_s) or now_s - kept.tried_at_s < JWKS_REFRESH_S:
            return
        kept.tried_at_s = now_s
        try:
            kept.jwks, kept.fetched_at_s = await self._fetch(uri), now_s
        except FetchError as error:
            _log.info("jwks_not_fetched", reason=str(error))
            if now_s - kept.fetched_at_s > JWKS_STALE_S:
                kept.jwks = None
