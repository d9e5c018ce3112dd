"""A PostgreSQL connection that uses libpq directly, for the statements that every token needs.

psycopg's cursors add and remove a socket watcher, a timer and a task at each wait. Here the socket
is watched once for the life of the connection, and an answer is a future. psycopg still converts
the rows; this module writes the parameters: texts, numbers, times, and arrays of these.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self

import msgspec
import psycopg
from psycopg import AsyncConnection, pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.types.json import set_json_loads

_NAMED: Final = re.compile(r"%\((\w+)\)s")
_ANSWERED: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
Row = tuple[Any, ...]
Scalar = str | int | datetime
Value = Scalar | list[str] | list[datetime]


def to_parameter(value: Value) -> bytes:
    """Return a parameter in PostgreSQL's text form; the statement itself names its type.

    Arrays follow section 8.15.2 of the PostgreSQL documentation, each element quoted. ValueError
    for a text with a NUL character, at which libpq would end the value.
    """
    if isinstance(value, list):
        raw = b"{%s}" % ",".join([_quoted(_text(each)) for each in value]).encode()
    else:
        raw = _text(value).encode()
    if b"\0" in raw:
        raise ValueError("a text with a NUL")
    return raw


def _text(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _quoted(element: str) -> str:
    if "\\" in element or '"' in element:
        element = element.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{element}"'


class Text:
    """A statement as the server gets it, with numbered parameters, and their names in order."""

    __slots__ = ("names", "raw")

    def __init__(self, compiled: str) -> None:
        """`compiled` writes parameters as `%(name)s` and a percent sign as `%%` (PEP 249)."""
        self.names = list(dict.fromkeys(_NAMED.findall(compiled)))
        numbered = _NAMED.sub(lambda found: f"${self.names.index(found[1]) + 1}", compiled)
        self.raw = numbered.replace("%%", "%").encode()


class Direct:
    """A connection in autocommit that runs one statement at a time.

    Raises psycopg.Error as psycopg's cursors do.
    """

    def __init__(self, opened: AsyncConnection[Row]) -> None:
        self._opened = opened
        self._pg = opened.pgconn
        self._socket = self._pg.socket
        self._loop = asyncio.get_running_loop()
        self._transformer = Transformer(opened)
        self._prepared: dict[Text, bytes] = {}
        self._answer: asyncio.Future[pq.abc.PGresult] | None = None
        self._came: list[pq.abc.PGresult] = []
        self._lost: psycopg.Error | None = None
        self._watched = True
        self._loop.add_reader(self._socket, self._readable)

    @classmethod
    async def connect(cls, url: str, *, timeout_s: int, options: str) -> Self:
        """Open a connection. psycopg.OperationalError when the server cannot be reached."""
        opened = await AsyncConnection.connect(
            url, autocommit=True, connect_timeout=timeout_s, options=options
        )
        set_json_loads(msgspec.json.decode, opened)
        return cls(opened)

    async def close(self) -> None:
        """Close the connection, even while a statement runs."""
        self._unwatch()
        await self._opened.close()

    async def run(self, text: Text, given: Mapping[str, Value]) -> list[Row]:
        """Run a statement and return its rows; the first run on this connection prepares it."""
        name = self._prepared.get(text)
        if name is None:
            name = b"s%d" % len(self._prepared)
            self._pg.send_prepare(name, text.raw)
            await self._answered()
            self._prepared[text] = name
        self._pg.send_query_prepared(name, [to_parameter(given[each]) for each in text.names])
        transformer = self._transformer
        result = await self._answered()
        transformer.set_pgresult(result)
        rows: Sequence[Row] = transformer.load_rows(0, result.ntuples, tuple)
        return list(rows)

    async def _answered(self) -> pq.abc.PGresult:
        if self._lost is not None:
            raise self._lost
        self._answer = self._loop.create_future()
        try:
            self._flush()
            result = await self._answer
        finally:
            self._answer = None
        if result.status not in _ANSWERED:
            raise error_from_result(result)
        return result

    def _flush(self) -> None:
        """Send the buffered bytes; the rest follows when the socket can take more."""
        if self._pg.flush():
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        try:
            if self._pg.flush() == 0:
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._fail(error)

    def _readable(self) -> None:
        """Read the arrived results. A connection that ended, even while idle, is marked as lost."""
        try:
            self._pg.consume_input()
            while not self._pg.is_busy():
                result = self._pg.get_result()
                if result is None:
                    self._done()
                    return
                self._came.append(result)
        except psycopg.Error as error:
            self._fail(error)

    def _done(self) -> None:
        """Finish the running statement once its results are complete; a statement has one."""
        came, self._came = self._came, []
        if self._answer is not None and came and not self._answer.done():
            self._answer.set_result(came[-1])

    def _fail(self, error: psycopg.Error) -> None:
        self._unwatch()
        self._lost = error
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def _unwatch(self) -> None:
        """Stop watching the socket, only once: its number may soon belong to another connection."""
        if not self._watched:
            return
        self._watched = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
