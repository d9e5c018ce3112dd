"""Lines of statements, as disputes and credits refer to them."""

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


async def describe_with_lines(
    connection: AsyncConnection,
    found: Sequence[disputes.Dispute | credits.Credit],
    caller: Caller,
) -> list[dict[str, Any]]:
    """Return disputes or credits as JSON objects, each with the caller's line of it added.

    `line` counts in the operator's statement of the closing, `statement_line` in `statement`, the
    caller's own; the period, product, partner and gross of the line stand beside them.
    """
    operator = await operator_of(connection)
    places = await line_lookup.locate_lines(connection, found, caller.organisation.id, operator)
    views = []
    for each in found:
        where = asdict(places[each.id])
        views.append(asdict(each) | where | {"line": each.line, "statement_line": where["line"]})
    return views
