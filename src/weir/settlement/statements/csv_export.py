"""A statement as CSV (RFC 4180), for spreadsheets and bookkeeping systems. Pure.

Each row is one party's share of a line. Figures of the whole line stand in its first row only, so
that every column can be summed. Amounts are decimals of the statement's currency.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from weir.kernel.money import MINOR_DIGITS, Money
from weir.settlement.documents import Line, Statement

COLUMNS: Final = (
    "statement", "version", "supplement", "period", "party", "currency", "line", "product", "plan",
    "partner", "member", "agreement", "calls", "billable_calls", "gross", "tax", "share_of", "role",
    "share",
)  # fmt: skip


def to_csv(statement: Statement) -> str:
    """Return the statement's rows under a header, each ending in CR and LF."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(statement))
    return written.getvalue()


def _rows(statement: Statement) -> Iterator[list[str]]:
    """Yield every row of every line; a line without shares has one too."""
    head = [
        statement.statement, str(statement.version), str(statement.supplement), statement.period,
        statement.party, statement.currency,
    ]  # fmt: skip
    for number, line in enumerate(statement.lines, start=1):
        own = [str(number), *_keys(line)]
        amounts = (line.gross_minor, line.tax_minor)
        totals = [str(line.calls), str(line.billable_calls)]
        totals += [_major(amount, statement.currency) for amount in amounts]
        if not line.shares:
            yield [*head, *own, *totals, "", "", ""]
        for share in line.shares:
            amount = _major(share.amount_minor, statement.currency)
            yield [*head, *own, *totals, share.party, share.role, amount]
            totals = [""] * len(totals)


def _keys(line: Line) -> list[str]:
    return [line.product, line.plan or "", line.partner, line.member or "", line.agreement or ""]


def _major(amount_minor: int, currency: str) -> str:
    return format(Money(amount_minor, currency).decimal(), f".{MINOR_DIGITS[currency]}f")
