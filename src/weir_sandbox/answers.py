"""The institution's own log of its answers, which callers and gateways are compared with.

An answer that changes something is logged in the transaction of the change: if the change is there,
so is its line. Other answers gather for a tenth of a second and are written together; a killed
process can lose only them. When the database refuses them they are kept and tried again, up to a
bound, beyond which the institution stops answering rather than answer unlogged.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from weir_sandbox.database import Connection, Database
from weir_sandbox.identity import Identity
from weir_sandbox.limits import ANSWER_LOG_DELAY_S, UNWRITTEN_ANSWERS
from weir_sandbox.problems import UNAVAILABLE, Problem

_log: Final = logging.getLogger(__name__)

_WRITE: Final = (
    "SELECT log_answers(%s::timestamptz[], %s::text[], %s::text[], %s::text[],"
    " %s::text[], %s::text[], %s::int[])"
)
_READ: Final = (
    "SELECT id, at, interaction_id, client_id, consent_id, method, path, status"
    " FROM read_answers(%s, %s)"
)


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One answered request. `identity` is None when the request had no identity header."""

    at: datetime
    identity: Identity | None
    method: str
    path: str
    status: int


def line(identity: Identity | None, method: str, path: str, status: int) -> AnswerLine:
    """Make the line of an answer given now."""
    return AnswerLine(datetime.now(UTC), identity, method, path, status)


async def log_within(connection: Connection, entry: AnswerLine) -> None:
    """Log one answer in the caller's transaction. Call it last: it holds a shared lock."""
    await connection.execute(_WRITE, _columns([entry]))


async def read_answers(database: Database, after_id: int, limit: int) -> list[dict[str, object]]:
    """Return lines after `after_id` in order, without skipping one still being written.

    Keys: id, at, interaction_id, client_id, consent_id, method, path, status.
    """
    names = ("id", "at", "interaction_id", "client_id", "consent_id", "method", "path", "status")
    rows = await database.rows(_READ, (after_id, limit))
    return [dict(zip(names, row, strict=True)) for row in rows]


class AnswerLog:
    """A log that gathers lines and writes them together, at most about 200 ms later."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[AnswerLine] = []
        self._something = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Write the remaining lines; report and drop lines that cannot be written now."""
        self._closing = True
        self._something.set()
        if self._task is not None:
            await self._task
        if self._waiting and not await self._write():
            _log.error("%d answers could not be logged", len(self._waiting))

    def require_room(self) -> None:
        """Refuse a request (UNAVAILABLE) while the log cannot take its answer; it gets no line."""
        if len(self._waiting) >= UNWRITTEN_ANSWERS:
            raise Problem(UNAVAILABLE, logged=True)

    def add(self, entry: AnswerLine) -> None:
        self._waiting.append(entry)
        self._something.set()

    async def _run(self) -> None:
        while not self._closing:
            await self._something.wait()
            self._something.clear()
            await asyncio.sleep(0 if self._closing else ANSWER_LOG_DELAY_S)
            if self._waiting and not await self._write():
                self._something.set()

    async def _write(self) -> bool:
        batch = self._waiting
        self._waiting = []
        try:
            await self._database.one(_WRITE, _columns(batch))
        except (psycopg.Error, PoolTimeout) as error:
            self._waiting = batch + self._waiting
            kind = type(error).__name__
            _log.warning("%d answers not logged yet: %s", len(self._waiting), kind)
            return False
        return True


def _columns(entries: list[AnswerLine]) -> tuple[list[object], ...]:
    """Return the lines as columns, in the order of `log_answers`."""
    callers = [entry.identity for entry in entries]
    return (
        [entry.at for entry in entries],
        [caller.interaction_id if caller else None for caller in callers],
        [caller.client_id if caller else None for caller in callers],
        [caller.consent_id if caller else None for caller in callers],
        [entry.method for entry in entries],
        [entry.path for entry in entries],
        [entry.status for entry in entries],
    )
