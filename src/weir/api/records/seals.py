"""Seals of segments, and the keys that seal them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from weir.api.guard import ServicesDep, new_router
from weir.api.models import Page, as_object
from weir.kernel.declares import PAGE_ROWS
from weir.keys import record_keys
from weir.metering.lake import receipts

router = new_router("receipts")


@router.get(
    "/records/keys",
    operation_id="list_record_keys",
    summary="List the public keys that verify seals of records",
)
async def list_record_keys(services: ServicesDep) -> Page[dict[str, Any]]:
    async with services.database.connect() as connection:
        found = await record_keys.list_public_keys(connection)
    return Page(items=[as_object(each) for each in found.values()])


@router.get(
    "/records/seals", operation_id="list_seals", summary="List all seals, in the order of the tree"
)
async def list_seals(
    services: ServicesDep, after: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> Page[dict[str, Any]]:
    """`after` is the number of seals that you have already."""
    async with services.database.connect() as connection:
        found = await receipts.list_seals(connection, after, PAGE_ROWS)
    more = str(after + len(found)) if len(found) == PAGE_ROWS else None
    return Page(items=[as_object(each) for each in found], next=more)
