"""Sessions in the real cache: one that was signed out never comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from weir.identity.sessions import BY_CODE, Sessions
from weir.store.cache import Cache

NOW = datetime(2027, 3, 1, tzinfo=UTC)


async def test_who_signs_out_while_another_request_reads_the_session_stays_out(
    cache: Cache,
) -> None:
    sessions = Sessions(cache)
    for late, given in (("find", (NOW, "portal")), ("prove", (NOW,))):
        secret = await sessions.open("usr_1", NOW, "portal")
        meanwhile = _SignedOutAfterReading(cache, sessions, secret)
        await getattr(Sessions(meanwhile), late)(secret, *given)  # type: ignore[arg-type]
        assert await sessions.find(secret, NOW, "portal") is None, late


async def test_being_used_keeps_a_session_and_proving_it_is_remembered(cache: Cache) -> None:
    sessions = Sessions(cache)
    secret = await sessions.open("usr_1", NOW, "portal", idle_s=1_000)
    (key,) = [each async for each in cache.client.scan_iter("weir:session:*")]
    await cache.client.expire(key, 5)
    found = await sessions.find(secret, NOW, "portal")
    assert found is not None
    assert await cache.client.ttl(key) > 900
    later = NOW.replace(hour=1)
    await sessions.prove(secret, later)
    # An hour is a customer's whole session.
    assert await sessions.find(secret, later, "portal") is None
    proven = await sessions.find(secret, NOW, "portal")
    assert proven is not None
    assert proven.proven_at == later


async def test_a_session_is_worth_nothing_at_the_other_host(cache: Cache) -> None:
    sessions = Sessions(cache)
    for host, other in (("portal", "auth"), ("auth", "portal")):
        secret = await sessions.open("usr_1", NOW, host)
        assert await sessions.find(secret, NOW, other) is None
        assert await sessions.find(secret, NOW, host) is not None, "and it was not ended by that"
    staff = await sessions.open_for_staff("usr_1", NOW, BY_CODE)
    assert await sessions.find(staff, NOW, "auth") is None


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
