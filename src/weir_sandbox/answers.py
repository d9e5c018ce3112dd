"""The institution's own log of what it answered, so that three sides can be compared.

Answers that change something are logged in the transaction of the change: if the change is
there, so is its line. Other answers gather for a tenth of a second and are written together;
they are the ones a killed process can lose. When the database refuses them they are kept and
tried again, up to a bound, beyond which the institution stops answering rather than answer
unlogged.
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
    """One answered request; the identity is None when none was presented."""

    at: datetime
    identity: Identity | None
    method: str
    path: str
    status: int


def line(identity: Identity | None, method: str, path: str, status: int) -> AnswerLine:
    """A line for an answer given now."""
    return AnswerLine(datetime.now(UTC), identity, method, path, status)


async def log_within(connection: Connection, entry: AnswerLine) -> None:
    """Logs one answer in the caller's transaction. Call it last: it holds a shared lock."""
    await connection.execute(_WRITE, _columns([entry]))


async def read_answers(database: Database, after_id: int, limit: int) -> list[dict[str, object]]:
    """Lines after `after_id` in order; none that is still being written can be skipped."""
    names = ("id", "at", "interaction_id", "client_id", "consent_id", "method", "path", "status")
    rows = await database.rows(_READ, (after_id, limit))
    return [dict(zip(names, row, strict=True)) for row in rows]


class AnswerLog:
    """Gathers lines and writes them together, at most about 200 ms after they were given."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[AnswerLine] = []
        self._something = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Writes what is left; what cannot be written now is reported and lost."""
        self._closing = True
        self._something.set()
        if self._task is not None:
            await self._task
        if self._waiting and not await self._write():
            _log.error("%d answers could not be logged", len(self._waiting))

    def require_room(self) -> None:
        """Refuses a request while the log cannot take its answer; the refusal has no line."""
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
