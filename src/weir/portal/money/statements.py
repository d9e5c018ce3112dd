"""Statement pages: the total first, then its lines and the calls behind them; made for print."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.responses import Response

from weir.agreements.agreements import operator_of
from weir.kernel.declares import NOT_FOUND, PAGE_ROWS
from weir.kernel.identifiers import is_identifier
from weir.kernel.inputs import digits
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.portal.desk.desk import Desk
from weir.settlement.documents import Statement
from weir.settlement.statements import csv_export, disputes, line_calls, statements
from weir.shelf import plans, products

_LINE_DIGITS: Final = 7
_Titles = dict[str, tuple[str, str]]  # identifier to (English, Chinese)


async def show_list(desk: Desk) -> Response:
    """List the organisation's statements."""
    async with desk.portal.database.connect() as connection:
        listed = await statements.of_party(connection, desk.organisation.id)
    return desk.page("money/statements.html", listed=listed)


async def show(desk: Desk) -> Response:
    """Show one statement to its party or the operator; each line leads to disputing it."""
    statement = await _held(desk)
    async with desk.portal.database.connect() as connection:
        reopened = await statements.reopening_reason(connection, statement.statement)
        titles = await _titles(connection, statement)
        operator = await operator_of(connection)
        disputed = await disputes.of_statement(
            connection, statement, desk.organisation.id, operator
        )
    return desk.page(
        "money/statement.html",
        statement=statement,
        reopened=reopened,
        disputed=disputed,
        since=datetime.fromisoformat(statement.since),
        until=datetime.fromisoformat(statement.until),
        closed_at=datetime.fromisoformat(statement.closed_at),
        title=_title_of(titles, desk.visitor.language),
    )


async def csv(desk: Desk) -> Response:
    """Download the statement as CSV, for a spreadsheet."""
    held = await _held(desk)
    return _file(csv_export.to_csv(held), "text/csv", f"{held.statement}.csv")


async def json(desk: Desk) -> Response:
    """Download the statement as JSON, as it can be verified offline."""
    held = await _held(desk)
    text = msgspec.json.format(msgspec.json.encode(held), indent=2).decode()
    return _file(text, "application/json", f"{held.statement}.json")


async def calls(desk: Desk) -> Response:
    """Show the calls behind one line, a page at a time."""
    held = await _held(desk)
    number = digits(desk.named("line"), _LINE_DIGITS)
    after = desk.request.query_params.get("after", "")
    if number is None:
        raise Refusal(NOT_FOUND, "no such line")
    viewer, portal = desk.organisation.id, desk.portal
    found = await line_calls.list_calls(
        portal.database, portal.lake, held.statement, number, viewer, after
    )
    async with portal.database.connect() as connection:
        titles = await _titles(connection, held)
    return desk.page(
        "money/statement_calls.html",
        statement=held,
        number=number,
        line=held.lines[number - 1],
        calls=found,
        more=found[-1].id if len(found) == PAGE_ROWS else None,
        title=_title_of(titles, desk.visitor.language),
    )


async def _held(desk: Desk) -> Statement:
    """Return the statement the address names. NOT_FOUND when the organisation may not read it."""
    statement_id = desk.named("statement")
    if not is_identifier(statement_id, "stm"):
        raise Refusal(NOT_FOUND, "not a statement's identifier")
    async with desk.portal.database.connect() as connection:
        return await statements.fetch(connection, statement_id, desk.organisation.id)


def _file(text: str, media_type: str, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(text, media_type=media_type, headers={"content-disposition": disposition})


async def _titles(connection: Any, statement: Statement) -> _Titles:
    """Return (English, Chinese) display names of the statement's parties, products and plans, by
    identifier.
    """
    parties = {statement.party} | {share.party for share in statement.shares}
    for line in statement.lines:
        parties |= {line.partner} | ({line.member} if line.member else set())
    titles: _Titles = {}
    await _add(titles, parties, lambda key: _party(connection, key))
    await _add(
        titles, {line.product for line in statement.lines}, lambda key: _product(connection, key)
    )
    offered = {line.plan for line in statement.lines if line.plan is not None}
    await _add(titles, offered, lambda key: _plan(connection, key))
    return titles


async def _add(
    titles: _Titles, keys: Iterable[str], find: Callable[[str], Awaitable[tuple[str, str]]]
) -> None:
    for key in sorted(keys):
        titles[key] = await find(key)


async def _party(connection: Any, key: str) -> tuple[str, str]:
    """Return the English and Chinese name of an organisation, or its identifier twice."""
    found = await organisations.find(connection, key)
    return (found.name_en, found.name_zh) if found else (key, key)


async def _product(connection: Any, key: str) -> tuple[str, str]:
    """Return the English and Chinese title of a product."""
    found = await products.get(connection, key)
    return found.title_en, found.title_zh


async def _plan(connection: Any, key: str) -> tuple[str, str]:
    """Return the name of a plan twice: it has one in all languages."""
    found = await plans.get(connection, key)
    return found.name, found.name


def _title_of(titles: _Titles, language: str) -> Callable[[str], str]:
    """Return the lookup of a display name in the page's language; unknown keys stay as they are."""
    place = 1 if language.startswith("zh") else 0
    return lambda key: titles[key][place] if key in titles else key
