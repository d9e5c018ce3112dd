"""Receipts: the signed proof of one call."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import as_object
from weir.kernel import inputs
from weir.kernel.seals import ReceiptName
from weir.metering.lake import receipts
from weir.metering.records.records import CallRecord

router = new_router("receipts")

_RECEIPT_CHARACTERS = 128


@router.get(
    "/receipts/{receipt}", operation_id="get_receipt", summary="Get the signed receipt of one call"
)
async def get_receipt(
    receipt: Annotated[str, Path(max_length=_RECEIPT_CHARACTERS)],
    caller: CallerDep,
    services: ServicesDep,
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
    return as_object(found)
