"""Search of the audit trail, newest entries first, by organisation, event, subject and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.audit.tables import audit_entries
from weir.kernel.declares import PAGE_ROWS


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as it was sealed. `actor` is a person, an application or a process.

    `subject` is the identifier that the event is about, `detail` its further values by name.
    """

    organisation: str
    number: int
    at: datetime
    actor_organisation: str
    actor: str
    event: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """The conditions of a search; None does not restrict.

    `touching` equals the subject or the actor. `since` is included, `until` excluded.
    """

    organisation: str | None = None
    event: str | None = None
    touching: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def search(
    connection: AsyncConnection, wanted: Search, before: tuple[datetime, str, int] | None = None
) -> Sequence[Entry]:
    """Return up to PAGE_ROWS entries, newest first, older than `before`.

    `before` is the (time, organisation, number) of an entry.
    """
    table = audit_entries.c
    order = tuple_(table.at, table.organisation, table.number)
    rows = await connection.execute(
        select(audit_entries)
        .where(_matching(wanted), order < before if before else true())
        .order_by(table.at.desc(), table.organisation.desc(), table.number.desc())
        .limit(PAGE_ROWS)
    )
    return [_entry(row) for row in rows]


def _matching(wanted: Search) -> ColumnElement[bool]:
    table = audit_entries.c
    clauses: list[ColumnElement[bool]] = [true()]
    if wanted.organisation is not None:
        clauses.append(table.organisation == wanted.organisation)
    if wanted.event is not None:
        clauses.append(table.event == wanted.event)
    if wanted.touching is not None:
        clauses.append(
            or_(table.subject == wanted.touching, table.actor_subject == wanted.touching)
        )
    if wanted.since is not None:
        clauses.append(table.at >= wanted.since)
    if wanted.until is not None:
        clauses.append(table.at < wanted.until)
    return and_(*clauses)


def _entry(row: Any) -> Entry:
    return Entry(
        row.organisation,
        row.number,
        row.at,
        row.actor_organisation,
        row.actor_subject,
        row.event,
        row.subject,
        row.detail,
    )
