"""Obligations: the debts of a closing, line by line, and lookup of a line by its number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.settlement.documents import Line, from_document
from weir.settlement.payment_tables import obligations
from weir.settlement.statements import composition
from weir.settlement.statements.lines import line_key_of
from weir.settlement.tables import closings, statements
from weir.store.bulk_copy import copy_rows
from weir.store.unit import UnitOfWork

# Columns of `obligations`, in the order of the rows of `rows_of`.
_COLUMNS: Final = (
    "id", "closing", "line", "debtor", "creditor", "currency", "amount_minor", "credit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LineAt:
    """One line of a closing. `number` counts from 1 in the operator's statement."""

    closing: str
    number: int
    line: Line
    currency: str
    operator: str


async def write(unit: UnitOfWork, closing: str, lines: Sequence[Line], currency: str) -> None:
    """Write the debts of a closing's lines."""
    rows = (
        tuple(row.values())
        for number, line in enumerate(lines, start=1)
        for row in rows_of(unit, closing, number, line.partner, _shares(line), currency)
    )
    await copy_rows(unit.connection, obligations, _COLUMNS, rows)


def rows_of(
    unit: UnitOfWork,
    closing: str,
    number: int,
    debtor: str,
    shares: Iterable[tuple[str, int]],
    currency: str,
    credit: str | None = None,
) -> list[dict[str, Any]]:
    """Return rows of `obligations`: one debt to each party of `shares` with an amount.

    A debt to oneself is kept, since the books hold both sides of it.
    """
    return [
        {
            "id": unit.mint("obl"),
            "closing": closing,
            "line": number,
            "debtor": debtor,
            "creditor": party,
            "currency": currency,
            "amount_minor": amount_minor,
            "credit": credit,
        }
        for party, amount_minor in shares
        if amount_minor
    ]


async def line_of(connection: AsyncConnection, statement: str, number: int, viewer: str) -> LineAt:
    """Find a line by its number in a statement, counted from 1.

    NOT_FOUND when the viewer is neither the statement's party nor the operator; INVALID_INPUT when
    it has no such line; ILLEGAL_STATE when its period was re-opened.
    """
    row = (
        await connection.execute(
            select(
                statements.c.closing,
                statements.c.party,
                statements.c.document,
                closings.c.reopening,
            )
            .join(closings, closings.c.id == statements.c.closing)
            .where(statements.c.id == statement)
        )
    ).first()
    if row is None or viewer not in (row.party, row.document["inputs"]["operator"]):
        raise Refusal(NOT_FOUND, f"statement {statement}")
    if row.reopening is not None:
        raise Refusal(ILLEGAL_STATE, "its period was re-opened", state="reopened")
    read = from_document(row.document)
    if not 1 <= number <= len(read.lines):
        raise inputs.wrong("/line", "is not a line of this statement", "此账单没有该明细行")
    meant = read.lines[number - 1]
    whole = await _all_lines(connection, row.closing, read.inputs.operator)
    keys = [line_key_of(line) for line in whole]
    found = keys.index(line_key_of(meant)) + 1
    return LineAt(row.closing, found, meant, read.currency, read.inputs.operator)


def is_party(at: LineAt, organisation: str) -> bool:
    """Whether a line concerns an organisation."""
    return organisation == at.operator or composition.involves(at.line, organisation)


async def _all_lines(connection: AsyncConnection, closing: str, operator: str) -> list[Line]:
    document = await connection.scalar(
        select(statements.c.document)
        .where(statements.c.closing == closing)
        .where(statements.c.party == operator)
    )
    return from_document(document).lines


def _shares(line: Line) -> list[tuple[str, int]]:
    return [(share.party, share.amount_minor) for share in line.shares]


def account_of(party: str, kind: str, operator: str) -> str:
    """Return a party's account of `kind`, payable or receivable; the operator's is its revenue."""
    return f"revenue:{party}" if party == operator else f"{kind}:{party}"
