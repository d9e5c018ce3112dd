"""Statements: the figure first, then how it came about; made to be printed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from weir.kernel.identifiers import is_identifier
from weir.kernel.outcomes import NOT_FOUND, Refusal
from weir.partners import organisations
from weir.portal.rendering import Portal, go, render
from weir.portal.visitor import Visitor
from weir.settlement import statements
from weir.settlement.documents import Statement
from weir.shelf import plans, products

_Titles = dict[str, tuple[str, str]]  # identifier to (English, Chinese)


async def show_list(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """The statements of the organisation one works for."""
    if visitor.person is None:
        return go("/sign-in?next=/statements")
    listed: list[statements.StatementRow] = []
    if visitor.person.organisation is not None:
        async with portal.database.connect() as connection:
            listed = await statements.of_party(connection, visitor.person.organisation)
    return render(request, visitor, "statements.html", listed=listed)


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """One statement, for its party and the operator."""
    if visitor.person is None:
        return go(f"/sign-in?next={request.url.path}")
    statement_id, viewer = request.path_params["statement"], visitor.person.organisation
    if viewer is None or not is_identifier(statement_id, "stm"):
        raise Refusal(NOT_FOUND, "no statement of theirs")
    async with portal.database.connect() as connection:
        statement = await statements.fetch(connection, statement_id, viewer)
        reopened = await statements.reopened(connection, statement_id)
        titles = await _titles(connection, statement)
    return render(
        request,
        visitor,
        "statement.html",
        statement=statement,
        reopened=reopened,
        since=datetime.fromisoformat(statement.since),
        until=datetime.fromisoformat(statement.until),
        closed_at=datetime.fromisoformat(statement.closed_at),
        title=_title_of(titles, visitor.language),
    )


async def _titles(connection: Any, statement: Statement) -> _Titles:
    """What people call the parties, products and plans of a statement."""
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
    found = await organisations.find(connection, key)
    return (found.name_en, found.name_zh) if found else (key, key)


async def _product(connection: Any, key: str) -> tuple[str, str]:
    found = await products.get(connection, key)
    return found.title_en, found.title_zh


async def _plan(connection: Any, key: str) -> tuple[str, str]:
    found = await plans.get(connection, key)
    return found.name, found.name


def _title_of(titles: _Titles, language: str) -> Callable[[str], str]:
    place = 1 if language.startswith("zh") else 0
    return lambda key: titles[key][place] if key in titles else key
