"""Prepared statements on the path of every token: compiled once, one round trip each.

SQLAlchemy's own execution opens and ends a transaction around a read, and costs several times as
much as the read itself. Here SQLAlchemy only compiles the statement, and libpq runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import psycopg
from sqlalchemy import ARRAY, Executable, Select, bindparam, func
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.types import TypeEngine

from weir.kernel.outcomes import Refusal
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.store.direct import Direct, Text

V = TypeVar("V")
_CONNECT_TIMEOUT_S: Final = 5
# Makes PostgreSQL use one generic plan for each statement. Every statement here finds rows by their
# keys. By default, PostgreSQL would plan to read whole tables while they are small or not yet
# analysed, and would keep that plan while they grow.
_OPTIONS: Final = " ".join(
    f"-c {setting}"
    for setting in (
        "plan_cache_mode=force_generic_plan",
        "enable_seqscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
    )
)
_DIALECT: Final = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class Prepared:
    """A compiled statement that returns rows. Each run gives values to its `bindparam`s."""

    __slots__ = ("fixed", "repeatable", "text")

    def __init__(self, statement: Executable) -> None:
        compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
        self.text = Text(str(compiled))
        self.fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self.repeatable = isinstance(statement, Select)


@dataclass(frozen=True, slots=True, eq=False)
class KeyedStatement(Generic[V]):
    """A statement that looks up several keys at once (`weir.store.batching`).

    A key is a tuple. `names` are the statement's array parameters, one for each part of a key. Each
    row begins with the number of its key (from 1, by `unnest ... WITH ORDINALITY`), and `read`
    makes a value of the rest of the row.
    """

    statement: Prepared
    names: tuple[str, ...]
    read: Callable[[tuple[Any, ...]], V]

    def given(self, keys: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
        """Return the array parameters that hold these keys, by name."""
        return {
            name: list(part) for name, part in zip(self.names, zip(*keys, strict=True), strict=True)
        }


def keys_table(**types: TypeEngine[Any]) -> Any:
    """Return the keys as a table expression: a column for each part, and the number in `n`."""
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items()]
    unnested = func.unnest(*arrays).table_valued(*types, with_ordinality="n")
    return unnested.render_derived(name="asked")


class Connections:
    """A pool of connections in autocommit, used last in, first out, so that few are in use.

    After a restart of the server the idle connections are dead: the first that fails closes all
    idle ones, and a read is tried once more on a new connection.
    """

    def __init__(self, url: str, at_most: int) -> None:
        self._url = url
        self._room = asyncio.Semaphore(at_most)
        self._idle: list[Direct] = []

    async def run(self, statement: Prepared, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement in a transaction of its own and return its rows.

        Refusal ENGINE_UNAVAILABLE when PostgreSQL cannot be reached; a write may have been
        committed even then.
        """
        async with self._room:
            try:
                known = bool(self._idle)
                try:
                    return await self._once(statement, given)
                except psycopg.OperationalError:
                    await self.close()
                    if not (known and statement.repeatable):
                        raise
                return await self._once(statement, given)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                raise Refusal(ENGINE_UNAVAILABLE, f"postgresql: {error!r}") from error

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()

    async def _once(self, statement: Prepared, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        connection = self._idle.pop() if self._idle else await self._new()
        try:
            rows = await connection.run(statement.text, statement.fixed | given)
        except BaseException:
            await connection.close()
            raise
        self._idle.append(connection)
        return rows

    async def _new(self) -> Direct:
        return await Direct.connect(self._url, timeout_s=_CONNECT_TIMEOUT_S, options=_OPTIONS)
