"""What may be used once: claimed in any process, and refused when it may have been forgotten."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from weir.kernel.outcomes import Refusal
from weir.store.cache import Cache, Claim, Mark
from weir.store.declares import ENGINE_UNAVAILABLE


def mark(name: str, issued_at_s: float | None = None) -> Mark:
    return Mark(name, time.time() + 5 if issued_at_s is None else issued_at_s, 60)


async def test_the_first_claim_counts_and_no_other(cache: Cache) -> None:
    assert await cache.claim(mark("one"), mark("two")) == [Claim.FIRST, Claim.FIRST]
    assert await cache.claim(mark("two"), mark("three")) == [Claim.USED, Claim.FIRST]


async def test_of_many_at_once_one_is_first(cache: Cache) -> None:
    claims = await asyncio.gather(*(cache.claim(mark("wanted")) for _ in range(20)))
    assert sorted(each.name for (each,) in claims) == ["FIRST"] + ["USED"] * 19


async def test_what_is_older_than_the_memory_is_refused(cache: Cache) -> None:
    started_s = await cache.started_at_s()
    assert await cache.claim(mark("old", started_s - 60)) == [Claim.TOO_OLD]


async def test_a_connection_that_was_ended_is_made_anew(cache: Cache) -> None:
    await cache.claim(mark("before"))
    await cache.client.client_kill_filter(_type="normal", skipme=True)
    assert await cache.claim(mark("after"), mark("before")) == [Claim.FIRST, Claim.USED]


async def test_no_cache_means_no_claim() -> None:
    nowhere = Cache("unix:///nowhere")
    with pytest.raises(Refusal) as refused:
        await nowhere.claim(mark("any"))
    assert refused.value.outcome is ENGINE_UNAVAILABLE
    await nowhere.close()


async def test_a_cache_that_takes_connections_and_says_nothing_means_no_claim(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server that hangs must not hang every claim of the process behind the first."""
    monkeypatch.setattr("weir.store.cache._TIMEOUT_S", 0.2)
    heard: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_unix_server(
        lambda _, writer: heard.append(writer), tmp_path / "silent"
    )
    stalled = Cache(f"unix://{tmp_path}/silent")
    claims = (stalled.claim(mark(f"any {number}")) for number in range(3))
    refused = await asyncio.gather(*claims, return_exceptions=True)
    assert [each.outcome for each in refused if isinstance(each, Refusal)] == [
        ENGINE_UNAVAILABLE
    ] * 3
    assert heard
    await stalled.close()
    silent.close()
    for each in heard:
        each.close()
