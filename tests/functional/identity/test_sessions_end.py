"""Sessions in the real cache: one that was signed out never comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from weir.identity.sessions import Sessions
from weir.store.cache import Cache

NOW = datetime(2027, 3, 1, tzinfo=UTC)


async def test_who_signs_out_while_another_request_reads_the_session_stays_out(
    cache: Cache,
) -> None:
    sessions = Sessions(cache)
    for late in ("find", "prove"):
        secret = await sessions.open("usr_1", NOW)
        meanwhile = _SignedOutAfterReading(cache, sessions, secret)
        await getattr(Sessions(meanwhile), late)(secret, NOW)  # type: ignore[arg-type]
        assert await sessions.find(secret, NOW) is None, late


async def test_being_used_keeps_a_session_and_proving_it_is_remembered(cache: Cache) -> None:
    sessions = Sessions(cache)
    secret = await sessions.open("usr_1", NOW, idle_s=1_000)
    (key,) = [each async for each in cache.client.scan_iter("weir:session:*")]
    await cache.client.expire(key, 5)
    found = await sessions.find(secret, NOW)
    assert found is not None
    assert await cache.client.ttl(key) > 900
    later = NOW.replace(hour=1)
    await sessions.prove(secret, later)
    assert await sessions.find(secret, later) is None  # an hour is a customer's whole session
    proven = await sessions.find(secret, NOW)
    assert proven is not None
    assert proven.proven_at == later


class _SignedOutAfterReading:
    """The cache, in which somebody signs out just after the session was read."""

    def __init__(self, cache: Cache, sessions: Sessions, secret: str) -> None:
        self._cache, self._sessions, self._secret = cache, sessions, secret

    async def get_json(self, name: str) -> Any:
        found = await self._cache.get_json(name)
        await self._sessions.close(self._secret)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)
