"""Lines of statements, which disputes and credits are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.api.callers import Caller
from weir.settlement.statements import credits, disputes, line_lookup

LineNumber = Annotated[int, Field(ge=1, le=10_000_000, description="Counted from 1.")]


async def as_read_by(
    connection: AsyncConnection,
    found: Sequence[disputes.Dispute | credits.Credit],
    caller: Caller,
) -> list[dict[str, Any]]:
    """Disputes or credits, each with the line of the statement in which the caller reads it."""
    operator = await operator_of(connection)
    places = await line_lookup.places(connection, found, caller.organisation.id, operator)
    views = []
    for each in found:
        where = asdict(places[each.id])
        views.append(asdict(each) | where | {"line": each.line, "statement_line": where["line"]})
    return views
