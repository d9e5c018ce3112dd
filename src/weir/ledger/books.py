"""The books: the only way to write, reverse and read postings, and balances of accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import exists, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import CONFLICT, NOT_FOUND
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.ledger.postings import Entry, Posting, reversal
from weir.ledger.tables import entries, postings
from weir.store.bulk_copy import copy_rows
from weir.store.unit import UnitOfWork

# Columns, in the order of the rows of `_posting_row` and `_rows`.
_POSTING: Final = (
    "id", "reference", "description", "reverses", "actor_organisation", "actor_subject", "at",
)  # fmt: skip
_ENTRY: Final = ("posting", "line", "account", "currency", "amount_minor")


async def post(unit: UnitOfWork, posting: Posting) -> str:
    """Write a posting and return its identifier; an identical posting returns the first one's.

    CONFLICT when the reference is taken by a posting with other entries.
    """
    return await _write(unit, posting, None)


async def post_new(unit: UnitOfWork, many: Sequence[Posting]) -> None:
    """Write postings with unused references, all in two statements.

    The driver's UniqueViolation when a reference is taken: nothing is written then.
    """
    named = [(unit.mint("pst"), posting) for posting in many]
    await copy_rows(
        unit.connection,
        postings,
        _POSTING,
        (tuple(_posting_row(unit, each, posting, None).values()) for each, posting in named),
    )
    await _write_entries(unit, named)


async def reverse(unit: UnitOfWork, identifier: str, reason: str) -> str:
    """Undo a posting by its mirror image; return the mirror image's identifier.

    Undone twice, it is undone once. NOT_FOUND when there is no such posting.
    """
    original = await fetch(unit.connection, identifier)
    if original is None:
        raise Refusal(NOT_FOUND, f"posting {identifier}")
    return await _write(unit, reversal(original.entries, identifier, reason), identifier)


async def reverse_all(unit: UnitOfWork, prefix: str, reason: str) -> int:
    """Undo each posting that has a reference with `prefix` and is not undone yet.

    Return the number of these postings. IntegrityError when one of them is being undone elsewhere.
    """
    undone = postings.alias()
    rows = await unit.connection.execute(
        select(postings.c.id, entries)
        .join(entries, entries.c.posting == postings.c.id)
        .where(postings.c.reference.startswith(prefix, autoescape=True))
        .where(~exists().where(undone.c.reverses == postings.c.id))
        .order_by(postings.c.id, entries.c.line)
    )
    held: dict[str, list[Entry]] = defaultdict(list)
    for row in rows:
        held[row.id].append(Entry(row.account, Money(row.amount_minor, row.currency)))
    mirrored = [
        (unit.mint("pst"), identifier, reversal(tuple(lines), identifier, reason))
        for identifier, lines in held.items()
    ]
    if mirrored:
        rows_of = [_posting_row(unit, new, posting, old) for new, old, posting in mirrored]
        await unit.connection.execute(insert(postings), rows_of)
        await _write_entries(unit, [(new, posting) for new, _, posting in mirrored])
    return len(mirrored)


async def fetch(connection: AsyncConnection, identifier: str) -> Posting | None:
    """Return a posting by its identifier, None when there is none."""
    row = (
        await connection.execute(
            select(postings.c.reference, postings.c.description).where(postings.c.id == identifier)
        )
    ).first()
    if row is None:
        return None
    lines = await connection.execute(
        select(entries).where(entries.c.posting == identifier).order_by(entries.c.line)
    )
    held = tuple(Entry(line.account, Money(line.amount_minor, line.currency)) for line in lines)
    return Posting(row.reference, row.description, held)


async def balances(
    connection: AsyncConnection, account: str | None = None
) -> dict[str, list[Money]]:
    """Return the balance of each account, by currency; accounts without entries are absent."""
    query = (
        select(
            entries.c.account, entries.c.currency, func.sum(entries.c.amount_minor).label("minor")
        )
        .group_by(entries.c.account, entries.c.currency)
        .order_by(entries.c.account, entries.c.currency)
    )
    if account is not None:
        query = query.where(entries.c.account == account)
    held: dict[str, list[Money]] = {}
    for row in await connection.execute(query):
        held.setdefault(row.account, []).append(Money(int(row.minor), row.currency))
    return held


async def _write(unit: UnitOfWork, posting: Posting, reverses: str | None) -> str:
    """Write a posting; return its identifier, or that of the earlier one with its reference."""
    identifier = unit.mint("pst")
    claimed = await unit.connection.execute(
        upsert(postings)
        .values(_posting_row(unit, identifier, posting, reverses))
        .on_conflict_do_nothing(index_elements=["reference"])
        .returning(postings.c.id)
    )
    if claimed.first() is None:
        return await _earlier(unit.connection, posting)
    await _write_entries(unit, [(identifier, posting)])
    return identifier


async def _write_entries(unit: UnitOfWork, named: Sequence[tuple[str, Posting]]) -> None:
    """Write all entries of these postings in one statement: the database checks each balance."""
    rows = (
        tuple(row.values()) for identifier, posting in named for row in _rows(identifier, posting)
    )
    await copy_rows(unit.connection, entries, _ENTRY, rows)


async def _earlier(connection: AsyncConnection, posting: Posting) -> str:
    """Return the earlier posting with this reference. CONFLICT when its entries differ."""
    identifier = await connection.scalar(
        select(postings.c.id).where(postings.c.reference == posting.reference)
    )
    assert isinstance(identifier, str)
    earlier = await fetch(connection, identifier)
    if earlier is None or earlier.entries != posting.entries:
        raise Refusal(CONFLICT, f"the reference {posting.reference} has other entries")
    return identifier


def _posting_row(
    unit: UnitOfWork, identifier: str, posting: Posting, reverses: str | None
) -> dict[str, Any]:
    return {
        "id": identifier,
        "reference": posting.reference,
        "description": posting.description,
        "reverses": reverses,
        "actor_organisation": unit.actor.organisation,
        "actor_subject": unit.actor.subject,
        "at": unit.now,
    }


def _rows(identifier: str, posting: Posting) -> list[dict[str, Any]]:
    return [
        {
            "posting": identifier,
            "line": line,
            "account": entry.account,
            "currency": entry.amount.currency,
            "amount_minor": entry.amount.amount_minor,
        }
        for line, entry in enumerate(posting.entries, start=1)
    ]
