"""The PostgreSQL database: connections for reading, units of work for writing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from weir.kernel.clock import Clock
from weir.kernel.declares import OVERLOADED
from weir.kernel.outcomes import Refusal
from weir.store.batching import KeyBatcher
from weir.store.declares import ENGINE_UNAVAILABLE, POOL_TIMEOUT_S
from weir.store.prepared import Connections, KeyedStatement, Prepared
from weir.store.unit import Actor, Idempotency, Journal, UnitOfWork

if TYPE_CHECKING:
    from weir.store.cache import Cache

V = TypeVar("V")


class Database:
    """The platform's database. Committing a unit of work wakes the followers of the change log."""

    def __init__(
        self, url: str, *, clock: Clock, journal: Journal, cache: Cache | None, pool: int = 10
    ) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=False,
            pool_timeout=POOL_TIMEOUT_S,
            hide_parameters=True,  # errors are logged, and parameters may be personal data
        )
        plain = self.engine.url.set(drivername="postgresql")
        self._connections = Connections(plain.render_as_string(hide_password=False), pool)
        self._gatherings: dict[KeyedStatement[Any], KeyBatcher[tuple[Any, ...], Any]] = {}
        self.clock = clock
        self._journal = journal
        self._cache = cache

    async def close(self) -> None:
        await self._connections.close()
        await self.engine.dispose()

    async def run(self, statement: Prepared, **given: Any) -> list[tuple[Any, ...]]:
        """Run a prepared statement in a transaction of its own and one round trip; return its rows.

        For the few statements that every token needs; see `weir.store.prepared`. Refusal
        ENGINE_UNAVAILABLE when PostgreSQL cannot be reached.
        """
        return await self._connections.run(statement, given)

    async def ask(self, statement: KeyedStatement[V], *key: Any) -> V | None:
        """Return the value that the statement finds for a key, or None.

        Keys of concurrent requests are looked up in one round trip. Refusal ENGINE_UNAVAILABLE.
        """
        gathering = self._gatherings.get(statement)
        if gathering is None:
            gathering = KeyBatcher(partial(self._ask_all, statement))
            self._gatherings[statement] = gathering
        found: V | None = await gathering.of(key)
        return found

    async def _ask_all(
        self, statement: KeyedStatement[V], keys: Sequence[tuple[Any, ...]]
    ) -> Sequence[V | None]:
        """Look up several keys; sorted, so that statements that lock rows do so in one order."""
        distinct = sorted(set(keys))
        rows = await self._connections.run(statement.statement, statement.given(distinct))
        found = {distinct[row[0] - 1]: statement.read(row[1:]) for row in rows}
        return [found.get(key) for key in keys]

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection for reading. Writes through it are rolled back unless committed.

        Refusal ENGINE_UNAVAILABLE when PostgreSQL cannot be reached, OVERLOADED when no connection
        becomes free.
        """
        try:
            async with self.engine.connect() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"postgresql: {error.orig!r}") from error
        except PoolTimeoutError as error:
            raise Refusal(OVERLOADED, "every connection to PostgreSQL is in use") from error

    @asynccontextmanager
    async def unit(
        self, actor: Actor, idempotency: Idempotency | None = None
    ) -> AsyncIterator[UnitOfWork]:
        """Yield a unit of work: committed when the block ends, rolled back when it raises."""
        try:
            async with self.engine.begin() as connection:
                now = self.clock.now()
                unit = UnitOfWork(connection, actor, now, self._journal, idempotency)
                await unit.recall()
                yield unit
                await unit.flush()
        except (OperationalError, InterfaceError) as error:
            raise Refusal(ENGINE_UNAVAILABLE, f"postgresql: {error.orig!r}") from error
        except PoolTimeoutError as error:
            raise Refusal(OVERLOADED, "every connection to PostgreSQL is in use") from error
        if unit.sequence is not None and self._cache is not None:
            await self._cache.wake(unit.sequence)
