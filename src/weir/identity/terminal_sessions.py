"""Sessions of terminals: a person acts by `weir` for some minutes, with the terminal's own key.

The token is stored as a digest and is worth nothing without the key (RFC 9449). Each request reads
the session and the person again, so that an end, a removal or another role holds at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.identity import secrets
from weir.identity.declares import TERMINAL_SESSION_S, TERMINAL_SESSIONS
from weir.identity.people import Person
from weir.identity.tables import people, terminal_sessions
from weir.identity.terminal_sign_ins import Confirmed
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.store.unit import UnitOfWork

TOKEN_PREFIX: Final = "wts_"  # noqa: S105 - a prefix, no secret


@dataclass(frozen=True, slots=True)
class TerminalSession:
    """A session of a terminal; `thumbprint` (RFC 7638) is that of its key."""

    id: str
    person: str
    machine: str
    network: str
    thumbprint: str
    opened_at: datetime
    proven_at: datetime
    ends_at: datetime


async def open_session(
    unit: UnitOfWork, person: Person, confirmed: Confirmed
) -> tuple[TerminalSession, str]:
    """Open a session for TERMINAL_SESSION_S; return it and its token.

    Of more than TERMINAL_SESSIONS of the person the oldest end.
    """
    token = TOKEN_PREFIX + secrets.new_secret()
    asked = confirmed.sign_in
    session = TerminalSession(
        unit.mint("tss"),
        person.id,
        asked.machine,
        asked.network,
        asked.thumbprint,
        unit.now,
        confirmed.proven_at,
        unit.now + timedelta(seconds=TERMINAL_SESSION_S),
    )
    await _make_room(unit, person)
    await unit.connection.execute(
        terminal_sessions.insert().values(
            id=session.id,
            person=session.person,
            token_sha256=secrets.digest(token),
            machine=session.machine,
            network=session.network,
            thumbprint=session.thumbprint,
            opened_at=session.opened_at,
            proven_at=session.proven_at,
            ends_at=session.ends_at,
        )
    )
    detail = {"machine": asked.machine, "network": asked.network}
    unit.audit("terminal.signed_in", session.id, detail, str(person.organisation))
    return session, token


async def find(connection: AsyncConnection, token: str, now: datetime) -> TerminalSession | None:
    """Return the living session of a token, or None."""
    secret = token.removeprefix(TOKEN_PREFIX)
    if secret == token or not secrets.is_secret(secret):
        return None
    found = await connection.execute(
        _living(now).where(terminal_sessions.c.token_sha256 == secrets.digest(token))
    )
    row = found.one_or_none()
    return None if row is None else _session(row)


async def of_person(
    connection: AsyncConnection, person_id: str, now: datetime
) -> Sequence[TerminalSession]:
    """Return the living sessions of a person, newest first."""
    statement = _living(now).where(terminal_sessions.c.person == person_id)
    rows = await connection.execute(statement.order_by(terminal_sessions.c.id.desc()))
    return [_session(row) for row in rows]


async def end(unit: UnitOfWork, person: Person, session_id: str) -> None:
    """End a session of a person's own. Refusal NOT_FOUND when none like this lives."""
    statement = _living(unit.now).where(terminal_sessions.c.person == person.id)
    found = await unit.connection.execute(statement.where(terminal_sessions.c.id == session_id))
    if found.one_or_none() is None:
        raise Refusal(NOT_FOUND, "no living session of that person")
    await _end(unit, terminal_sessions.c.id == session_id)
    unit.audit("terminal.signed_out", session_id, {}, str(person.organisation))


async def _make_room(unit: UnitOfWork, person: Person) -> None:
    living = await of_person(unit.connection, person.id, unit.now)
    over = [each.id for each in living[TERMINAL_SESSIONS - 1 :]]
    if over:
        await _end(unit, terminal_sessions.c.id.in_(over))


async def _end(unit: UnitOfWork, which: ColumnElement[bool]) -> None:
    await unit.connection.execute(update(terminal_sessions).where(which).values(ended_at=unit.now))


def _living(now: datetime) -> Any:
    """Return the query for sessions that have not ended, of people who still work here."""
    columns = [terminal_sessions.c[name] for name in TerminalSession.__slots__]
    return (
        select(*columns)
        .join(people, people.c.id == terminal_sessions.c.person)
        .where(terminal_sessions.c.ended_at.is_(None), terminal_sessions.c.ends_at > now)
        .where(people.c.status == "active")
        .where(terminal_sessions.c.opened_at >= people.c.sessions_since)
    )


def _session(row: Any) -> TerminalSession:
    return TerminalSession(**row._mapping)
