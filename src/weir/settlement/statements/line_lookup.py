"""Lookup of a closing's line in the statement of one of its parties.

Every party has a statement of its own, which holds only the lines it has a part in, so their
numbers differ from the numbers in the operator's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.settlement.documents import Statement, from_document
from weir.settlement.statements.lines import LineKey, line_key_of
from weir.settlement.tables import statements

_closing: Final = attrgetter("closing")


class LineReference(Protocol):
    """A dispute or credit on one line; `line` counts from 1 in the operator's statement."""

    @property
    def id(self) -> str: ...

    @property
    def closing(self) -> str: ...

    @property
    def line(self) -> int: ...


@dataclass(frozen=True, slots=True)
class LineLocation:
    """A line in the reader's own statement, and the line's key figures.

    `line` counts from 1 in that statement; `gross_minor` is the line's, without tax.
    """

    statement: str
    line: int
    period: str
    currency: str
    product: str
    partner: str
    gross_minor: int


async def locate_lines(
    connection: AsyncConnection, found: Iterable[LineReference], viewer: str, operator: str
) -> dict[str, LineLocation]:
    """Map each dispute or credit to the line of the viewer's own statement, by its identifier.

    Each line must concern the viewer.
    """
    where = {}
    for closing, said in groupby(sorted(found, key=_closing), _closing):
        statement, own = await statement_of(connection, closing, viewer)
        _, whole = await statement_of(connection, closing, operator)
        own_numbers = line_numbers(own)
        for each in said:
            line = whole.lines[each.line - 1]
            where[each.id] = LineLocation(
                statement, own_numbers[line_key_of(line)], own.period, own.currency,
                line.product, line.partner, line.gross_minor,
            )  # fmt: skip
    return where


def line_numbers(statement: Statement) -> dict[LineKey, int]:
    """Return the number of each line in a statement, counted from 1, by the line's key."""
    return {line_key_of(line): number for number, line in enumerate(statement.lines, 1)}


async def statement_of(
    connection: AsyncConnection, closing: str, party: str
) -> tuple[str, Statement]:
    """Return a party's statement of a closing: its identifier, then the statement itself."""
    found = await connection.execute(
        select(statements.c.id, statements.c.document)
        .where(statements.c.closing == closing)
        .where(statements.c.party == party)
    )
    row = found.one()
    return row.id, from_document(row.document)
