"""Valkey: what must be fast and shared and may be lost."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from valkey.asyncio import Valkey
from valkey.asyncio.connection import AbstractConnection
from valkey.exceptions import ValkeyError

from weir.kernel.outcomes import Refusal
from weir.store.batching import Gathering
from weir.store.declares import ENGINE_UNAVAILABLE

CHANGES_CHANNEL = "weir:changes"
_TIMEOUT_S: Final = 5.0
_SECRET_KEPT_S: Final = 60.0
_UPTIME: Final = re.compile(rb"uptime_in_seconds:([0-9]+)")


@dataclass(frozen=True, slots=True)
class Mark:
    """What may be used once. `issued_at_s` is the earliest it can have been made, Unix time."""

    name: str
    issued_at_s: float
    lifetime_s: int


class Claim(Enum):
    """What came of claiming a mark."""

    FIRST = "nobody had claimed it"
    USED = "it was claimed before"
    TOO_OLD = "it may have been claimed before this cache began to remember"


class Cache:
    """A small set of operations over one Valkey or Redis. Keys are `weir:<subject>:<name>`."""

    def __init__(self, url: str) -> None:
        # Valkey.from_url has no annotations for its return type.
        self.client = cast(
            Valkey,
            Valkey.from_url(
                url,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                valkey_connect_func=self._greet,
            ),
        )
        self._claims: Gathering[tuple[Mark, ...], list[Claim]] = Gathering(self._claim_all)
        self._started_s: WeakKeyDictionary[AbstractConnection, float] = WeakKeyDictionary()
        self._secrets: dict[str, tuple[float, bytes]] = {}  # by name: known until, and the bytes

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

    async def claim(self, *marks: Mark) -> list[Claim]:
        """Claim marks, each for the first caller that names it, in any process: one round trip,
        together with the marks of others who ask now. Refusal ENGINE_UNAVAILABLE when the cache
        cannot say.
        """
        return await self._claims.of(marks)

    async def _claim_all(self, asked: Sequence[tuple[Mark, ...]]) -> list[list[Claim]]:
        """A connection does not outlive the server it leads to, so what is known of its start is
        true of whoever answers here.
        """
        marks = [mark for each in asked for mark in each]
        async with self._connection() as connection, asyncio.timeout(_TIMEOUT_S):
            packed = connection.pack_commands(
                ("SET", f"weir:once:{mark.name}", b"1", "NX", "EX", mark.lifetime_s)
                for mark in marks
            )
            await connection.send_packed_command(packed, check_health=False)
            replies = [await connection.read_response() for _ in marks]
            started_s = self._started_s[connection]
        came = iter(
            Claim.TOO_OLD
            if mark.issued_at_s < started_s
            else Claim.USED
            if reply is None
            else Claim.FIRST
            for mark, reply in zip(marks, replies, strict=True)
        )
        return [[next(came) for _ in each] for each in asked]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AbstractConnection]:
        """A connection for as long as the context lasts; one left in the middle is closed.

        Its user has one timeout for all that is read: the client's own, which stands when the
        connection is made, is a task or a timer for each reply.
        """
        pool = self.client.connection_pool
        try:
            connection: AbstractConnection = await pool.get_connection("SET")  # type: ignore[no-untyped-call]
            connection.socket_timeout = None
            try:
                yield connection
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            finally:
                connection.socket_timeout = _TIMEOUT_S
                await pool.release(connection)
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def _greet(self, connection: AbstractConnection) -> None:
        """Begin a connection by asking since when its server remembers anything."""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        uptime = _UPTIME.search(await connection.read_response())
        if uptime is None:
            raise ValkeyError("the server does not say since when it runs")
        self._started_s[connection] = _start(float(uptime[1]))
        self._secrets.clear()

    async def started_at_s(self) -> float:
        """Unix time at which this cache's process began: it remembers nothing surely from before.

        A proof issued earlier may have been used and forgotten, so it must be refused.
        """
        try:
            server = await self.client.info("server")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return _start(float(server["uptime_in_seconds"]))

    async def shared_secret(self, name: str) -> bytes:
        """32 random bytes, the same for every process, made when first asked for.

        They are lost with the cache, so only what may be void after that is derived from them.
        What was read is believed for a minute, or until a connection has to be made anew.
        """
        until_s, known = self._secrets.get(name, (0.0, b""))
        if time.monotonic() < until_s:
            return known
        try:
            await self.client.set(f"weir:secret:{name}", os.urandom(32), nx=True)
            secret = await self.client.get(f"weir:secret:{name}")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        if secret is None:
            raise Refusal(ENGINE_UNAVAILABLE, "valkey dropped a secret at once")
        self._secrets[name] = (time.monotonic() + _SECRET_KEPT_S, bytes(secret))
        return bytes(secret)

    async def put_json(self, name: str, value: Any, lifetime_s: int) -> None:
        """Keep a JSON value for a while."""
        try:
            await self.client.set(f"weir:{name}", json.dumps(value), ex=lifetime_s)
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def replace_json(self, name: str, value: Any, lifetime_s: int) -> bool:
        """Keep another value under a name that is still known; False when it is gone, and stays
        gone."""
        try:
            put = self.client.set(f"weir:{name}", json.dumps(value), ex=lifetime_s, xx=True)
            return bool(await put)
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def keep(self, name: str, lifetime_s: int) -> bool:
        """Keep what a name stands for so long from now; False when it is gone, and stays gone."""
        try:
            return bool(await self.client.expire(f"weir:{name}", lifetime_s))
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


def _start(uptime_s: float) -> float:
    """Unix time from which on a server that has run so long remembers all.

    It counts whole seconds, so this lies up to a second after its true start and never before it: a
    proof used just before a kill must not count again just after.
    """
    return time.time() - uptime_s
