"""Valkey: what must be fast and shared and may be lost."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from typing import Any, cast

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from weir.kernel.outcomes import ENGINE_UNAVAILABLE, Refusal

CHANGES_CHANNEL = "weir:changes"


class Cache:
    """A small set of operations over one Valkey or Redis. Keys are `weir:<subject>:<name>`."""

    def __init__(self, url: str) -> None:
        # Valkey.from_url has no annotations for its return type.
        self.client: Valkey = cast(
            Valkey, Valkey.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        )

    async def close(self) -> None:
        await self.client.aclose()

    async def claim_once(self, name: str, lifetime_s: int) -> bool:
        """True for the first caller that names it within its lifetime, in any process.

        Refusal ENGINE_UNAVAILABLE when the cache cannot say: a replay check that cannot be made
        must not pass.
        """
        try:
            return bool(await self.client.set(f"weir:once:{name}", b"1", nx=True, ex=lifetime_s))
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def started_at_s(self) -> float:
        """Unix time at which this cache's process began: it remembers nothing surely from before.

        A proof issued earlier may have been used and forgotten, so it must be refused.
        """
        try:
            server = await self.client.info("server")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return time.time() - float(server["uptime_in_seconds"]) - 1.0

    async def shared_secret(self, name: str) -> bytes:
        """32 random bytes, the same for every process, made when first asked for.

        They are lost with the cache, so only what may be void after that is derived from them.
        """
        try:
            await self.client.set(f"weir:secret:{name}", os.urandom(32), nx=True)
            secret = await self.client.get(f"weir:secret:{name}")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        if secret is None:
            raise Refusal(ENGINE_UNAVAILABLE, "valkey dropped a secret at once")
        return bytes(secret)

    async def put_json(self, name: str, value: Any, lifetime_s: int) -> None:
        """Keep a JSON value for a while."""
        try:
            await self.client.set(f"weir:{name}", json.dumps(value), ex=lifetime_s)
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def get_json(self, name: str) -> Any | None:
        """The value, or None when it is unknown or has expired."""
        try:
            raw = await self.client.get(f"weir:{name}")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return None if raw is None else json.loads(raw)

    async def take_json(self, name: str) -> Any | None:
        """The value, removed in the same step, so that only one caller ever gets it."""
        try:
            raw = await self.client.getdel(f"weir:{name}")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return None if raw is None else json.loads(raw)

    async def count(self, name: str, window_s: int) -> int:
        """How often this name was counted in its window, this time included."""
        try:
            async with self.client.pipeline(transaction=True) as pipe:
                pipe.incr(f"weir:count:{name}")
                pipe.expire(f"weir:count:{name}", window_s, nx=True)
                counted = await pipe.execute()
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return int(counted[0])

    async def wake(self, sequence: int) -> None:
        """Tell whoever listens that a change was committed. Losing it costs a second, no more."""
        try:
            await self.client.publish(CHANGES_CHANNEL, str(sequence))
        except (ValkeyError, OSError):
            return

    async def wake_ups(self) -> AsyncIterator[int]:
        """Change numbers as announced. Ends when the connection does; callers reconnect."""
        async with self.client.pubsub() as listening:
            await listening.subscribe(CHANGES_CHANNEL)
            while True:
                # Without a time of its own this would raise after the socket's timeout of silence.
                message = await listening.get_message(ignore_subscribe_messages=True, timeout=1.0)
                if message is not None:
                    yield int(message["data"])
