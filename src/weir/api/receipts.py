"""Receipts, seals and roots: what each party can fetch to check the records for itself."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from weir.api.callers import Caller
from weir.api.guard import Asking, Using, new_router
from weir.api.models import Given, Name, Page, Shown
from weir.api.writes import Writes
from weir.kernel import identifiers, inputs
from weir.kernel.declares import NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.kernel.seals import ReceiptName
from weir.kernel.witnesses import Witness
from weir.keys import record_keys
from weir.metering.lake import receipts, retention
from weir.metering.records import seal_log
from weir.metering.records import witnesses as root_witnesses
from weir.metering.records.records import CallRecord
from weir.partners import certificates
from weir.store.unit import UnitOfWork

router = new_router("receipts")

Size = Annotated[int, Path(ge=1, le=2**62, description="How many seals the root covers.")]
_RECEIPT_CHARACTERS = 128


class RootView(Shown):
    """A signed root with those who witnessed it, as docs/receipts.md describes both."""

    root: dict[str, Any]
    witnesses: list[dict[str, Any]]


class ConsistencyView(Shown):
    """The proof that the tree of `to` seals begins with that of `since` seals (RFC 9162)."""

    since: int
    to: int
    path: list[str]


class WitnessGiven(Given):
    """Your signature under the root's statement, by the key of the certificate you ask with."""

    signature: Annotated[str, Field(max_length=200)]


@router.get(
    "/receipts/{receipt}", operation_id="get_receipt", summary="The signed receipt of one call"
)
async def get_receipt(
    receipt: Annotated[str, Path(max_length=_RECEIPT_CHARACTERS)], caller: Asking, services: Using
) -> dict[str, Any]:
    try:
        name = ReceiptName.parse(receipt)
    except ValueError as error:
        why_zh = "须为应答的 weir-receipt 字段所给的名称"
        raise inputs.wrong("path:receipt", "must be an answer's `weir-receipt`", why_zh) from error

    def may_see(record: CallRecord) -> bool:
        own = (record.organisation, record.member)
        return any(each is not None and caller.may_reach(each) for each in own)

    async with services.database.connect() as connection:
        found = await receipts.find(
            connection, services.lake, services.receipt_secret, name, may_see
        )
    return _document(found)


@router.get("/records/keys", operation_id="list_record_keys", summary="The keys that seal records")
async def list_record_keys(services: Using) -> Page[dict[str, Any]]:
    async with services.database.connect() as connection:
        found = await record_keys.published(connection)
    return Page(items=[_document(each) for each in found.values()])


@router.get(
    "/records/seals", operation_id="list_seals", summary="Every seal, in the order of the tree"
)
async def list_seals(
    services: Using, after: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> Page[dict[str, Any]]:
    """`after` is how many seals you have already."""
    async with services.database.connect() as connection:
        found = await receipts.seals_after(connection, after, PAGE_ROWS)
    more = str(after + len(found)) if len(found) == PAGE_ROWS else None
    return Page(items=[_document(each) for each in found], next=more)


@router.get(
    "/records/segments/{stream}/{segment}",
    operation_id="get_segment",
    summary="The lines of one segment, as they were sealed, without what has expired",
    responses={200: {"content": {"application/x-ndjson": {}}}},
)
async def get_segment(
    stream: Name, segment: Annotated[int, Path(ge=1, le=2**62)], services: Using
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
    summary="What stands in a segment for records that expired",
)
async def list_pruned(
    stream: Name, segment: Annotated[int, Path(ge=1, le=2**62)], services: Using
) -> Page[tuple[int, int, str]]:
    """Level, position and hash of each subtree. Empty when nothing expired, or everything."""
    if not identifiers.is_identifier(stream, "str"):
        raise Refusal(NOT_FOUND, "not a stream")
    async with services.database.connect() as connection:
        found = await receipts.segment_of(connection, services.lake, stream, segment)
    nodes = sorted(found.nodes.items())
    return Page(items=[(*place, each.hex()) for place, each in nodes])


@router.get(
    "/records/expiries",
    operation_id="list_expiries",
    summary="Signed statements of what expired, oldest first",
)
async def list_expiries(
    services: Using, after: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> Page[dict[str, Any]]:
    """`after` is how many of them you have already."""
    async with services.database.connect() as connection:
        found = await retention.listed(connection, after, PAGE_ROWS)
    more = str(after + len(found)) if len(found) == PAGE_ROWS else None
    return Page(items=[_document(each) for each in found], next=more)


@router.post(
    "/records/roots",
    operation_id="sign_root",
    status_code=201,
    summary="Sign the root over every seal there is",
)
async def sign_root(caller: Asking, services: Using) -> RootView:
    """Safe to repeat: with no new seal, it is the root that is there."""
    keys = await record_keys.RecordKeys.open(services.database, services.sealing)
    async with services.database.unit(caller.actor) as unit:
        root = await seal_log.sign_root(unit.connection, keys.current, unit.now)
        return _view(await root_witnesses.get(unit.connection, root.size))


@router.get("/records/roots", operation_id="list_roots", summary="Signed roots, largest first")
async def list_roots(
    services: Using, after: Annotated[int | None, Query(ge=1, le=2**62)] = None
) -> Page[RootView]:
    async with services.database.connect() as connection:
        found = await root_witnesses.newest(connection, after)
    more = str(found[-1].root.size) if len(found) == PAGE_ROWS else None
    return Page(items=[_view(each) for each in found], next=more)


@router.get("/records/roots/{size}", operation_id="get_root", summary="One root and its witnesses")
async def get_root(size: Size, services: Using) -> RootView:
    async with services.database.connect() as connection:
        return _view(await root_witnesses.get(connection, size))


@router.get(
    "/records/roots/{size}/consistency",
    operation_id="prove_consistency",
    summary="The proof that a root rewrote nothing of a smaller one",
)
async def prove_consistency(
    size: Size, since: Annotated[int, Query(ge=1, le=2**62)], services: Using
) -> ConsistencyView:
    async with services.database.connect() as connection:
        path = await seal_log.consistency(connection, since, size)
    return ConsistencyView(since=since, to=size, path=path)


@router.post(
    "/records/roots/{size}/witness",
    operation_id="witness_root",
    summary="Put your signature under a root you have checked",
)
async def witness_root(
    size: Size, given: WitnessGiven, caller: Asking, writing: Writes
) -> RootView:
    async def work(unit: UnitOfWork) -> RootView:
        signed = Witness(
            organisation=caller.organisation.id,
            application=caller.subject,
            certificate=await _certificate(unit, caller),
            signature=given.signature,
        )
        return _view(await root_witnesses.witness(unit, size, signed))

    return await writing.run(RootView, work)


async def _certificate(unit: UnitOfWork, caller: Caller) -> str:
    """The certificate the caller asks with, in PEM."""
    return await certificates.pem_of(unit.connection, caller.signs_with)


def _view(witnessed: Any) -> RootView:
    return RootView.model_validate(_document(witnessed))


def _document(value: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found
