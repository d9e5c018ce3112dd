"""Expiries: signed statements of records that were removed at the end of their retention."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from weir.api.guard import ServicesDep, new_router
from weir.api.models import Page, as_object
from weir.kernel.declares import PAGE_ROWS
from weir.metering.lake import retention

router = new_router("receipts")


@router.get(
    "/records/expiries",
    operation_id="list_expiries",
    summary="List the signed statements of expired records, oldest first",
)
async def list_expiries(
    services: ServicesDep, after: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> Page[dict[str, Any]]:
    """`after` is the number of statements that you have already."""
    async with services.database.connect() as connection:
        found = await retention.list_statements(connection, after, PAGE_ROWS)
    more = str(after + len(found)) if len(found) == PAGE_ROWS else None
    return Page(items=[as_object(each) for each in found], next=more)
