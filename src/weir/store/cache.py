"""The cache in Valkey, for data that is fast and shared and may be lost."""

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
from weir.store.batching import KeyBatcher
from weir.store.declares import ENGINE_UNAVAILABLE

CHANGES_CHANNEL = "weir:changes"
_TIMEOUT_S: Final = 5.0
_SECRET_KEPT_S: Final = 60.0
_UPTIME: Final = re.compile(rb"uptime_in_seconds:([0-9]+)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A name that may be used only once, such as a proof.

    `issued_at_s` is the earliest time at which it can have been made, in Unix seconds.
    """

    name: str
    issued_at_s: float
    lifetime_s: int


class Claim(Enum):
    """The result of claiming a mark."""

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
        self._claims: KeyBatcher[tuple[Mark, ...], list[Claim]] = KeyBatcher(self._claim_all)
        self._started_s: WeakKeyDictionary[AbstractConnection, float] = WeakKeyDictionary()
        # Secrets by name, each with the monotonic time in seconds until which it is kept.
        self._secrets: dict[str, tuple[float, bytes]] = {}

    async def close(self) -> None:
        await self.client.aclose()

    async def claim_once(self, name: str, lifetime_s: int) -> bool:
        """Claim a name; True for the first caller within its lifetime, in any process.

        Refusal ENGINE_UNAVAILABLE when the cache does not answer: a replay check that cannot be
        made must not pass.
        """
        try:
            return bool(await self.client.set(f"weir:once:{name}", b"1", nx=True, ex=lifetime_s))
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def claim(self, *marks: Mark) -> list[Claim]:
        """Claim marks, and return the result of each in order.

        The first caller in any process gets FIRST. One round trip serves all concurrent requests.
        Refusal ENGINE_UNAVAILABLE when the cache does not answer.
        """
        return await self._claims.of(marks)

    async def _claim_all(self, asked: Sequence[tuple[Mark, ...]]) -> list[list[Claim]]:
        """Claim the marks of several requests in one round trip.

        A connection ends with its server, so the start time recorded with the connection is that of
        the server that answers here.
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
        """Yield a connection of the pool. It is closed when the context ends by an exception.

        The caller sets one timeout for all that it reads. The client's own timeout, which is kept
        for making the connection, would cost a task or a timer for each reply.
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
        """Start a connection, and ask its server for the time since which it runs."""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        uptime = _UPTIME.search(await connection.read_response())
        if uptime is None:
            raise ValkeyError("the server does not say since when it runs")
        self._started_s[connection] = _start(float(uptime[1]))
        self._secrets.clear()

    async def started_at_s(self) -> float:
        """Return the start time of the cache's process, in Unix seconds.

        The cache may have lost names that were claimed before, so a proof issued earlier must be
        refused. Refusal ENGINE_UNAVAILABLE when the cache does not answer.
        """
        try:
            server = await self.client.info("server")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return _start(float(server["uptime_in_seconds"]))

    async def shared_secret(self, name: str) -> bytes:
        """Return 32 random bytes, the same in every process; the first call makes them.

        They are lost with the cache, so derive from them only values that may then become invalid.
        The secret is kept in memory for a minute, or until a new connection is made. Refusal
        ENGINE_UNAVAILABLE when the cache does not answer.
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
        """Store a JSON value for `lifetime_s` seconds. Refusal ENGINE_UNAVAILABLE."""
        try:
            await self.client.set(f"weir:{name}", json.dumps(value), ex=lifetime_s)
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def put_counted(
        self, name: str, value: Any, lifetime_s: int, counter: str, most_bytes: int
    ) -> bool:
        """Store a JSON value for `lifetime_s` seconds, and count its bytes under `counter`.

        False, and nothing is stored, when the counter would exceed `most_bytes` in its window of
        `lifetime_s`. Refusal ENGINE_UNAVAILABLE.
        """
        written = json.dumps(value)
        try:
            async with self.client.pipeline(transaction=True) as pipe:
                pipe.incrby(f"weir:count:{counter}", len(written))
                pipe.expire(f"weir:count:{counter}", lifetime_s, nx=True)
                pipe.set(f"weir:{name}", written, ex=lifetime_s)
                held = int((await pipe.execute())[0])
                if held <= most_bytes:
                    return True
                pipe.decrby(f"weir:count:{counter}", len(written))
                pipe.delete(f"weir:{name}")
                await pipe.execute()
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return False

    async def replace_json(self, name: str, value: Any, lifetime_s: int) -> bool:
        """Replace the value of a name that has not expired. Refusal ENGINE_UNAVAILABLE.

        False when the name has expired; then nothing is stored.
        """
        try:
            put = self.client.set(f"weir:{name}", json.dumps(value), ex=lifetime_s, xx=True)
            return bool(await put)
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def extend(self, name: str, lifetime_s: int) -> bool:
        """Make a name expire `lifetime_s` seconds from now; False when it has expired already.

        Refusal ENGINE_UNAVAILABLE.
        """
        try:
            return bool(await self.client.expire(f"weir:{name}", lifetime_s))
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error

    async def get_json(self, name: str) -> Any | None:
        """Return the value, or None when it is unknown or expired. Refusal ENGINE_UNAVAILABLE."""
        try:
            raw = await self.client.get(f"weir:{name}")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return None if raw is None else json.loads(raw)

    async def take_json(self, name: str) -> Any | None:
        """Return the value and remove it in one step, so that only one caller ever gets it.

        None when it is unknown or expired. Refusal ENGINE_UNAVAILABLE.
        """
        try:
            raw = await self.client.getdel(f"weir:{name}")
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return None if raw is None else json.loads(raw)

    async def count(self, name: str, window_s: int, by: int = 1) -> int:
        """Count a name once more, or `by` so many, and return its count in the current window.

        A window of `window_s` seconds begins with its first count. Refusal ENGINE_UNAVAILABLE.
        """
        try:
            async with self.client.pipeline(transaction=True) as pipe:
                pipe.incrby(f"weir:count:{name}", by)
                pipe.expire(f"weir:count:{name}", window_s, nx=True)
                counted = await pipe.execute()
        except (ValkeyError, OSError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"valkey: {error!r}") from error
        return int(counted[0])

    async def wake(self, sequence: int) -> None:
        """Announce a committed change. A lost announcement delays followers by a second at most."""
        try:
            await self.client.publish(CHANGES_CHANNEL, str(sequence))
        except (ValkeyError, OSError):
            return

    async def wake_ups(self) -> AsyncIterator[int]:
        """Yield the numbers of changes as they are announced, until the connection ends.

        Callers reconnect.
        """
        async with self.client.pubsub() as listening:
            await listening.subscribe(CHANGES_CHANNEL)
            while True:
                # Without this timeout the call would raise when the socket's own timeout passes.
                message = await listening.get_message(ignore_subscribe_messages=True, timeout=1.0)
                if message is not None:
                    yield int(message["data"])


def _start(uptime_s: float) -> float:
    """The Unix time since which a server with this uptime remembers all claims.

    The uptime counts whole seconds, so the result is up to a second later than the true start and
    never earlier: a proof used just before a crash must not be accepted again just after it.
    """
    return time.time() - uptime_s
