"""Which addresses keys may be fetched from, and how often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from weir.authorization.fetching import FetchError, is_public
from weir.authorization.remote_keys import RemoteKeys
from weir.kernel import limits
from weir.kernel.outcomes import OAUTH_INVALID_CLIENT, Refusal

URI = "https://keys.example/jwks"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::",
        "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2001::1", "2001:db8::1", "fe80::1%eth0",
        "localhost", "0x7f000001", "017700000001", "",
    ],
)  # fmt: skip
def test_what_is_not_everybodys_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111"])
def test_a_public_address_is(address: str) -> None:
    assert is_public(address)


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
    source.now_s = limits.JWKS_FETCHED_S
    await source.keys.of(URI, {"a"})
    assert source.asked == 2


async def test_invented_kids_do_not_make_this_server_call() -> None:
    source = Source("a")
    await asyncio.gather(*(source.keys.of(URI, {f"x{n}"}) for n in range(500)))
    assert source.asked == 1
    source.now_s = limits.JWKS_REFRESH_S
    await asyncio.gather(*(source.keys.of(URI, {f"x{n}"}) for n in range(500)))
    assert source.asked == 2


async def test_kept_keys_serve_for_a_while_when_their_server_is_away_and_then_no_more() -> None:
    source = Source("a")
    await source.keys.of(URI, {"a"})
    source.fails = True
    source.now_s = limits.JWKS_STALE_S
    assert (await source.keys.of(URI, {"a"}))["keys"] == [{"kid": "a"}]
    source.now_s = limits.JWKS_STALE_S + limits.JWKS_REFRESH_S
    with pytest.raises(Refusal) as refused:
        await source.keys.of(URI, {"a"})
    assert refused.value.outcome is OAUTH_INVALID_CLIENT


async def test_what_is_kept_is_bounded() -> None:
    source = Source("a")
    for number in range(limits.JWKS_SETS + 50):
        await source.keys.of(f"{URI}/{number}", {"a"})
    assert len(source.keys._kept) == limits.JWKS_SETS
