"""How often keys are fetched, and what is remembered of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from weir.authorization.clients.key_set_fetch import FetchError
from weir.authorization.clients.remote_keys import RemoteKeys
from weir.authorization.declares import (
    JWKS_FETCHED_S,
    JWKS_REFRESH_S,
    JWKS_SETS,
    JWKS_STALE_S,
    OAUTH_INVALID_CLIENT,
)
from weir.kernel.outcomes import Refusal

URI = "https://keys.example/jwks"


class Source:
    """Answers with these kids, counts, and can fail."""

    def __init__(self, *kids: str) -> None:
        self.kids = kids
        self.asked = 0
        self.now_s = 0.0
        self.fails = False
        self.keys = RemoteKeys(self.fetch, lambda: self.now_s)

    async def fetch(self, _: str) -> dict[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails:
            raise FetchError("away")
        return {"keys": [{"kid": kid} for kid in self.kids]}


async def test_a_set_is_fetched_once_however_many_ask() -> None:
    source = Source("a")
    await asyncio.gather(*(source.keys.of(URI, {"a"}) for _ in range(50)))
    assert source.asked == 1
    source.now_s = JWKS_FETCHED_S
    await source.keys.of(URI, {"a"})
    assert source.asked == 2


async def test_invented_kids_do_not_make_this_server_call() -> None:
    source = Source("a")
    await asyncio.gather(*(source.keys.of(URI, {f"x{n}"}) for n in range(500)))
    assert source.asked == 1
    source.now_s = JWKS_REFRESH_S
    await asyncio.gather(*(source.keys.of(URI, {f"x{n}"}) for n in range(500)))
    assert source.asked == 2


async def test_kept_keys_serve_for_a_while_when_their_server_is_away_and_then_no_more() -> None:
    source = Source("a")
    await source.keys.of(URI, {"a"})
    source.fails = True
    source.now_s = JWKS_STALE_S
    assert (await source.keys.of(URI, {"a"}))["keys"] == [{"kid": "a"}]
    source.now_s = JWKS_STALE_S + JWKS_REFRESH_S
    with pytest.raises(Refusal) as refused:
        await source.keys.of(URI, {"a"})
    assert refused.value.outcome is OAUTH_INVALID_CLIENT


async def test_what_is_kept_is_bounded() -> None:
    source = Source("a")
    for number in range(JWKS_SETS + 50):
        await source.keys.of(f"{URI}/{number}", {"a"})
    assert len(source.keys._kept) == JWKS_SETS
