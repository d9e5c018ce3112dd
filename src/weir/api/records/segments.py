"""Sealed segments of call records, without the records that have expired."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from weir.api.guard import ServicesDep, new_router
from weir.api.models import Name, Page
from weir.kernel import identifiers
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.metering.lake import receipts

router = new_router("receipts")


@router.get(
    "/records/segments/{stream}/{segment}",
    operation_id="get_segment",
    summary="Get the lines of one sealed segment, without expired records",
    responses={200: {"content": {"application/x-ndjson": {}}}},
)
async def get_segment(
    stream: Name, segment: Annotated[int, Path(ge=1, le=2**62)], services: ServicesDep
) -> Response:
    if not identifiers.is_identifier(stream, "str"):
        raise Refusal(NOT_FOUND, "not a stream")
    async with services.database.connect() as connection:
        found = await receipts.segment_of(connection, services.lake, stream, segment)
    raw = b"".join(line + b"\n" for line in found.lines.values())
    return Response(raw, media_type="application/x-ndjson")


@router.get(
    "/records/segments/{stream}/{segment}/pruned",
    operation_id="list_pruned",
    summary="List the hashes that stand for a segment's expired records",
)
async def list_pruned(
    stream: Name, segment: Annotated[int, Path(ge=1, le=2**62)], services: ServicesDep
) -> Page[tuple[int, int, str]]:
    """Level, position and hash of each subtree. Empty when no record expired, or all did."""
    if not identifiers.is_identifier(stream, "str"):
        raise Refusal(NOT_FOUND, "not a stream")
    async with services.database.connect() as connection:
        found = await receipts.segment_of(connection, services.lake, stream, segment)
    nodes = sorted(found.nodes.items())
    return Page(items=[(*place, each.hex()) for place, each in nodes])
