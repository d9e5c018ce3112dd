"""Statements on the path of every token: compiled once, prepared, one round trip each.

SQLAlchemy's own execution opens and ends a transaction around a read and costs several times what
the read itself does. Here the statement is SQLAlchemy's, and libpq is handed it as it is.
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
# One plan a statement and connection, whatever the arrays hold. Every statement here finds rows by
# their keys; left to itself, PostgreSQL plans to read whole tables while they are small or not yet
# analysed, and keeps to that plan while they grow.
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
    """A statement over the tables that returns rows. Its `bindparam`s are what a run is given."""

    __slots__ = ("fixed", "repeatable", "text")

    def __init__(self, statement: Executable) -> None:
        compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
        self.text = Text(str(compiled))
        self.fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self.repeatable = isinstance(statement, Select)


@dataclass(frozen=True, slots=True, eq=False)
class Gathered(Generic[V]):
    """A statement that answers several keys at once (`weir.store.batching`).

    A key is a tuple, and `names` are the statement's arrays, one a part of it. Each row begins with
    the number of its key, as `unnest ... WITH ORDINALITY` counts; `read` makes a value of the rest.
    """

    statement: Prepared
    names: tuple[str, ...]
    read: Callable[[tuple[Any, ...]], V]

    def given(self, keys: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
        """The arrays that hold these keys."""
        return {
            name: list(part) for name, part in zip(self.names, zip(*keys, strict=True), strict=True)
        }


def asked(**types: TypeEngine[Any]) -> Any:
    """The keys as a table: a column each, and their number in `n`."""
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items()]
    unnested = func.unnest(*arrays).table_valued(*types, with_ordinality="n")
    return unnested.render_derived(name="asked")


class Connections:
    """Connections in autocommit, handed out last in, first out, so that few stay warm.

    A server that was started again leaves dead ones behind: the first that fails ends all that are
    idle, and a read is tried once more on a new one.
    """

    def __init__(self, url: str, at_most: int) -> None:
        self._url = url
        self._room = asyncio.Semaphore(at_most)
        self._idle: list[Direct] = []

    async def run(self, statement: Prepared, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The statement's rows, of a transaction of its own.

        Refusal ENGINE_UNAVAILABLE when PostgreSQL cannot be reached; what was to be written may
        then have been.
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
        """Close those that are idle."""
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
