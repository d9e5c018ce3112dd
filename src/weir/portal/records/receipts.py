"""Receipts: the proof of one call, verified when it is shown, and the roots over all seals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from starlette.responses import Response

from weir.kernel.outcomes import Refusal
from weir.kernel.seals import PublicKey, Receipt, receipt_fault
from weir.metering.records.records import CallRecord
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import applications_of, parties_of
from weir.portal.management import Document, place
from weir.portal.renderer import redirect

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def show(desk: Desk) -> Response:
    """Show the receipt that the address names, if any, and the newest roots."""
    name = desk.request.query_params.get("receipt", "").strip()
    desk, found = await _found(desk, name)
    roots = (await desk.management.get("/v1/records/roots"))["items"]
    return desk.page(
        "records/receipts.html",
        name=name,
        found=found,
        roots=[each | {"signed_at": _moment(each["root"]["at_us"])} for each in roots],
        parties=await parties_of(desk),
        applications=await applications_of(desk, [found["line"].application] if found else []),
    )


async def act(desk: Desk) -> Response:
    """Sign the root over all seals, and go to it; without new seals it is the present root."""
    made = await desk.management.post("/v1/records/roots")
    size = made["root"]["size"]
    return redirect(f"/desk/receipts/roots/{size}" if size else "/desk/receipts")


async def download(desk: Desk) -> Response:
    """Download the receipt as it can be checked offline."""
    name = desk.request.query_params.get("receipt", "").strip()
    found = await desk.management.fetch(f"/v1/receipts/{place(name)}")
    headers = {"content-disposition": 'attachment; filename="receipt.json"'}
    return Response(found, media_type="application/json", headers=headers)


async def _found(desk: Desk, name: str) -> tuple[Desk, Document | None]:
    """Return the desk, and the receipt's parts with the fault in it; None without a receipt.

    Keys: `line`, `arrived_at`, `seal`, `sealed_at`, `root`, `fault` (None when it holds) and `raw`.
    A refused receipt is the returned desk's refusal, which the page shows.
    """
    if not name:
        return desk, None
    try:
        document = await desk.management.get(f"/v1/receipts/{place(name)}")
    except Refusal as refusal:
        if refusal.outcome.status >= 500:
            raise
        return replace(desk, refusal=refusal), None
    keys = [
        msgspec.convert(each, PublicKey)
        for each in (await desk.management.get("/v1/records/keys"))["items"]
    ]
    receipt = msgspec.convert(document, Receipt)
    line = msgspec.json.decode(receipt.line, type=CallRecord)
    return desk, {
        "line": line,
        "arrived_at": _moment(line.at_us),
        "seal": receipt.seal,
        "sealed_at": _moment(receipt.seal.sealed_at_us),
        "root": receipt.inclusion.root if receipt.inclusion else None,
        "fault": receipt_fault(receipt, {key.kid: key for key in keys}),
        "raw": receipt.line,
    }


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
