"""Stored statements: listing and fetching."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.settlement.documents import Statement, from_document
from weir.settlement.tables import closings, reopenings, statements


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement in a list. `balance_minor` positive is paid to the party, negative by it.

    `reopened_at` is the time its period was re-opened: from then on the statement no longer counts.
    """

    id: str
    party: str
    period: str
    currency: str
    version: int
    supplement: int
    gross_minor: int
    balance_minor: int
    sha256: str
    closed_at: datetime
    reopened_at: datetime | None


async def of_party(
    connection: AsyncConnection, party: str, before: str | None = None
) -> list[StatementRow]:
    """Return a party's statements, newest first, a page at a time; `before` is the last seen."""
    query = select(*_COLUMNS).select_from(_WITH_CLOSINGS).where(statements.c.party == party)
    if before is not None:
        query = query.where(statements.c.id < before)
    rows = await connection.execute(query.order_by(statements.c.id.desc()).limit(PAGE_ROWS))
    return [_row(row) for row in rows]


async def fetch(connection: AsyncConnection, statement: str, viewer: str) -> Statement:
    """Return one statement, for its party or the operator. NOT_FOUND for everybody else.

    The operator's own statement holds every line, so it may read the other statements too.
    """
    return from_document(await document(connection, statement, viewer))


async def document(connection: AsyncConnection, statement: str, viewer: str) -> dict[str, Any]:
    """Return the stored document of a statement, with the checks of `fetch`. NOT_FOUND."""
    row = (
        await connection.execute(
            select(statements.c.party, statements.c.document).where(statements.c.id == statement)
        )
    ).first()
    if row is None or viewer not in (row.party, row.document["inputs"]["operator"]):
        raise Refusal(NOT_FOUND, f"statement {statement}")
    held: dict[str, Any] = row.document
    return held


async def reopening_reason(connection: AsyncConnection, statement: str) -> str | None:
    """Return the reason why a statement no longer counts, None while it does."""
    reason: str | None = await connection.scalar(
        select(reopenings.c.reason).select_from(_WITH_CLOSINGS).where(statements.c.id == statement)
    )
    return reason


_WITH_CLOSINGS: Final = statements.join(closings, closings.c.id == statements.c.closing).join(
    reopenings, reopenings.c.id == closings.c.reopening, isouter=True
)
_ELSEWHERE: Final = {"version": closings.c.version, "reopened_at": reopenings.c.reopened_at}
_COLUMNS: Final[list[Any]] = [
    _ELSEWHERE[name] if name in _ELSEWHERE else statements.c[name]
    for name in StatementRow.__slots__
]


def _row(row: Row[Any]) -> StatementRow:
    return StatementRow(**row._mapping)
